import { AppError, type InstructedProject, newId, type Project } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import { actorValue, answerOf, jsonbValue } from './answer-of.ts';
import type { Database } from './database.ts';
import { instructedProjectOfRow, type ProjectRow, projectOfRow } from './rows.ts';
import type { DeletedRuns } from './stored.ts';

/** Throws `forbidden`. */
export async function createProject(
  sql: Database,
  actor: Actor,
  { name, instructions = null }: { readonly name: string; readonly instructions?: string | null },
): Promise<InstructedProject> {
  const row = await answerOf(sql<{ answer: ProjectRow }[]>`
    select create_project(${actorValue(sql, actor)}, ${newId()}, ${name}, ${instructions}) as answer`);
  return instructedProjectOfRow(row);
}

/**
 * With the id of its sandbox, null before a tool needed one. Throws `not_found`, and `forbidden` when the actor may read
 * it and not do `action`.
 */
export async function readProject(
  sql: Database,
  actor: Actor,
  projectId: string,
  action: 'read' | 'write' = 'read',
): Promise<InstructedProject & { readonly sandboxId: string | null }> {
  const row = await answerOf(sql<{ answer: ProjectRow }[]>`
    select to_json(find_project(${actorValue(sql, actor)}, ${action}, ${projectId})) as answer`);
  return { ...instructedProjectOfRow(row), sandboxId: row.sandbox_id };
}

/** The account's projects, newest first. Throws `invalid_request` for a cursor that this verb never gave. */
export async function listProjects(
  sql: Database,
  actor: Actor,
  { before, limit }: { readonly before?: string | undefined; readonly limit: number },
): Promise<{ projects: Project[]; nextBefore: string | null }> {
  if (before !== undefined && !/^[0-9a-f-]{36}$/.test(before)) {
    throw new AppError('invalid_request', 'The cursor is not one that a page of projects gave.');
  }
  const rows = await answerOf(sql<{ answer: ProjectRow[] }[]>`
    select list_projects(${actorValue(sql, actor)}, as_uuid(${before ?? null}), ${limit + 1}) as answer`);
  const page = rows.slice(0, limit);
  return {
    projects: page.map(projectOfRow),
    nextBefore: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
  };
}

/** What is absent stays; instructions of null are taken away. Throws `not_found`, `forbidden`. */
export async function updateProject(
  sql: Database,
  actor: Actor,
  projectId: string,
  changes: { readonly name?: string | undefined; readonly instructions?: string | null | undefined },
): Promise<InstructedProject> {
  const row = await answerOf(sql<{ answer: ProjectRow }[]>`
    select update_project(${actorValue(sql, actor)}, ${projectId}, ${jsonbValue(sql, changes)}) as answer`);
  return instructedProjectOfRow(row);
}

/** What a project's deletion leaves to its caller: also the blobs of its files. */
export interface DeletedProject extends DeletedRuns {
  readonly objectKeys: readonly string[];
}

/**
 * Removes the project with its threads and the rows of its files for good. Who made it and every thread in it may, and
 * an owner. Throws `not_found`, `forbidden`.
 */
export async function deleteProject(sql: Database, actor: Actor, projectId: string): Promise<DeletedProject> {
  return await answerOf(sql<{ answer: DeletedProject }[]>`
    select delete_project(${actorValue(sql, actor)}, ${projectId}) as answer`);
}
