import { defineTool } from '@switchyard/agent';
import { foldMessage } from '@switchyard/agent/test';
import type { MessagePart, Run, ToolPart } from '@switchyard/protocol';
import { answerApprovals, readRun, type StartedRun } from '@switchyard/store';
import { expect } from 'vitest';
import { z } from 'zod';
import { executeRun } from '../src/execute-run.ts';
import type { Worker } from '../src/worker.ts';
import { chunksOfLog, type Harness, storedMessage } from './harness.ts';

/** A tool that asks a person first, and what its calls have done. */
export function spending() {
  const done: string[] = [];
  const spend = defineTool({
    name: 'spend',
    description: 'Acts on the world outside.',
    inputSchema: z.object({ text: z.string(), free: z.boolean().optional() }),
    effect: 'once',
    needs: 'outside',
    consent: ({ text, free }) => (free ? null : `Spend ${text}?`),
    async execute({ text }) {
      done.push(text);
      return { outcome: 'ok', output: { spent: text } };
    },
  });
  return { spend, done };
}

export const call = (name: string, args: Record<string, unknown>) => ({
  toolCall: { name, arguments: args },
});
export const goOn = { steps: [{ text: 'Good.' }] };

/** Lets a worker take the run as far as it goes. */
export async function work(
  harness: Harness,
  { id }: Pick<Run, 'id'>,
  worker: Worker = harness.worker,
  signal = new AbortController().signal,
): Promise<Run> {
  const [row] = await harness.sql<{ wakeup: number }[]>`select wakeup from runs where id = ${id}`;
  await executeRun(worker, { runId: id, wakeup: row!.wakeup, signal });
  return await readRun(harness.sql, harness.actor, id);
}

export async function partsOf(harness: Harness, { id }: Pick<Run, 'id'>): Promise<ToolPart[]> {
  const message = await storedMessage(harness, await readRun(harness.sql, harness.actor, id));
  return message.parts.filter((part): part is ToolPart => 'toolCallId' in part);
}

export const approvalOf = (parts: readonly ToolPart[], index: number) => parts[index]?.approval?.id ?? '';

export async function answer(
  harness: Harness,
  { id: runId }: Pick<Run, 'id'>,
  ...answers: readonly { approvalId: string; approved: boolean; reason?: string }[]
) {
  return await answerApprovals(harness.sql, harness.actor, { runId, answers });
}

/** The run's message, after a look that viewers who saw everything have the same. */
export async function expectSeen(
  harness: Harness,
  { run: { id } }: StartedRun,
): Promise<readonly MessagePart[]> {
  const message = await storedMessage(harness, await readRun(harness.sql, harness.actor, id));
  expect(await foldMessage(await chunksOfLog(harness.redis, id))).toEqual(message);
  return message.parts;
}

/** The last request. */
export const promptOf = ({ model }: Harness) => JSON.stringify(model.requests.at(-1)?.body);
