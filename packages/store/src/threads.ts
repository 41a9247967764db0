import type { Thread } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import type { Database } from './database.ts';
import type { ThreadPage } from './stored.ts';

export async function createThread(
  _sql: Database,
  _actor: Actor,
  _options: {
    readonly projectId?: string | undefined;
    readonly externalId?: string | undefined;
    readonly title?: string | undefined;
    readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  },
): Promise<Thread> {
  throw new Error('not built yet');
}
export async function readThread(_sql: Database, _actor: Actor, _threadId: string): Promise<Thread> {
  throw new Error('not built yet');
}
export async function listThreads(
  _sql: Database,
  _actor: Actor,
  _options: { readonly before?: string | undefined; readonly limit: number },
): Promise<ThreadPage> {
  throw new Error('not built yet');
}
