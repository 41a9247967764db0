import { createToolset, type Tool } from '@switchyard/agent';
import { foldMessage } from '@switchyard/agent/test';
import { readRunLog } from '@switchyard/bus';
import type { Chunk } from '@switchyard/protocol';
import { readRun, requestCancel, type StartedRun } from '@switchyard/store';
import { expect, vi } from 'vitest';
import type { Worker } from '../src/worker.ts';
import { chunksOfLog, type Harness, storedMessage } from './harness.ts';

/** The harness's worker with these tools alone. */
export function workerWith({ worker }: Harness, ...tools: readonly Tool[]): Worker {
  return { ...worker, tools: createToolset(tools) };
}

/** Far above what it takes: the cores are shared. */
export const patient = { timeout: 20_000 };

/** Resolves once a chunk of that type stands in the run's log. */
export async function untilLogged({ redis }: Harness, runId: string, type: Chunk['type']): Promise<void> {
  await vi.waitFor(async () => {
    const { events } = await readRunLog(redis, runId, { afterOrdinal: 0 });
    expect(events.map(({ chunk }) => chunk.type)).toContain(type);
  }, patient);
}

/** The run as it ended, after a look that its log's fold is what is stored. */
export async function expectEnd(harness: Harness, { run: { id } }: StartedRun) {
  const run = await readRun(harness.sql, harness.actor, id);
  const chunks = await chunksOfLog(harness.redis, id);
  const message = await storedMessage(harness, run);
  expect(await foldMessage(chunks)).toEqual(message);
  return { run, chunks, message };
}

/** What the gateway does for who presses stop. */
export async function cancel({ sql, actor, control }: Harness, { run: { id } }: StartedRun): Promise<void> {
  await requestCancel(sql, actor, id);
  await control.publish(id, { type: 'cancel' });
}
