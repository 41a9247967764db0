import type { Project } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import type { Database } from './database.ts';

export async function createProject(
  _sql: Database,
  _actor: Actor,
  _options: { readonly name: string },
): Promise<Project> {
  throw new Error('not built yet');
}
/** With the id of its sandbox, null before a tool needed one. */
export async function readProject(
  _sql: Database,
  _actor: Actor,
  _projectId: string,
): Promise<Project & { readonly sandboxId: string | null }> {
  throw new Error('not built yet');
}
export async function listProjects(
  _sql: Database,
  _actor: Actor,
  _options: { readonly before?: string | undefined; readonly limit: number },
): Promise<{ projects: Project[]; nextBefore: string | null }> {
  throw new Error('not built yet');
}
