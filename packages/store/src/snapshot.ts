import type { MessagePart, Run } from '@switchyard/protocol';
import type { Database } from './database.ts';

/** The run and its stored parts as one consistent read, for late viewers. The caller has checked access by `readRun`. */
export async function snapshot(
  _sql: Database,
  _options: { readonly runId: string },
): Promise<{ run: Run; parts: { readonly step: number; readonly part: MessagePart }[] }> {
  throw new Error('not built yet');
}
