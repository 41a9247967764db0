import { newId } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf, jsonbValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { fileOfRow, type StoredFileRow } from './rows.ts';
import { safeFileName } from './safe-file-name.ts';
import type { FileRow } from './stored.ts';

export interface CreateFile {
  readonly projectId?: string | undefined;
  /** As the client named it: kept, and made safe for the workspace. */
  readonly name: string;
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  readonly objectKey: string;
}

/** Remembers an uploaded file whose bytes are in storage already. Throws `not_found` (project), `forbidden`. */
export async function createFile(sql: Database, actor: Actor, options: CreateFile): Promise<FileRow> {
  const request = { ...options, fileId: newId(), safeName: safeFileName(options.name) };
  const row = await answerOf(sql<{ answer: StoredFileRow }[]>`
    select create_file(${actorValue(sql, actor)}, ${jsonbValue(sql, request)}) as answer`);
  return fileOfRow(row);
}

/** Throws `not_found`. */
export async function readFile(sql: Database, actor: Actor, fileId: string): Promise<FileRow> {
  const row = await answerOf(sql<{ answer: StoredFileRow }[]>`
    select to_json(find_file(${actorValue(sql, actor)}, 'read', ${fileId})) as answer`);
  return fileOfRow(row);
}
