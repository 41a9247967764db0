import type { Run, SwitchyardMessage } from '@switchyard/protocol';
import type { Actor } from './actor.ts';
import type { Database } from './database.ts';

export interface MessagePage {
  /** Oldest first. */
  readonly messages: SwitchyardMessage[];
  /** Cursor for the page of older messages; null at the beginning. */
  readonly nextBefore: string | null;
  readonly activeRun: Run | null;
}

export async function readMessages(
  _sql: Database,
  _actor: Actor,
  _threadId: string,
  _options: { readonly before?: string | undefined; readonly limit: number },
): Promise<MessagePage> {
  throw new Error('not built yet');
}
