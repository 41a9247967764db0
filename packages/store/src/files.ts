import type { Actor } from './actor.ts';
import type { Database } from './database.ts';
import type { FileRow } from './stored.ts';

export async function createFile(
  _sql: Database,
  _actor: Actor,
  _options: {
    readonly projectId?: string | undefined;
    readonly name: string;
    readonly mediaType: string;
    readonly size: number;
    readonly objectKey: string;
  },
): Promise<FileRow> {
  throw new Error('not built yet');
}
export async function readFile(_sql: Database, _actor: Actor, _fileId: string): Promise<FileRow> {
  throw new Error('not built yet');
}
