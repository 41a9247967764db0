import { defineTool } from '@switchyard/agent';
import { LockLostError, type RunJob } from '@switchyard/bus';
import {
  chunksOfParts,
  endingChunks,
  isEnded,
  type MessagePart,
  type Run,
  type SwitchyardMessage,
} from '@switchyard/protocol';
import type { Scenario } from '@switchyard/stand-ins';
import { answerApprovals, readRun, snapshot, type StartedRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { foldMessage } from '@switchyard/agent/test';
import { executeRun } from '../src/execute-run.ts';
import type { Worker } from '../src/worker.ts';
import { faultyWorker } from './faulty-worker.ts';
import { chunksOfLog, type Harness, jobOf, startHarness, storedMessage } from './harness.ts';

/** How often each `once` call had its effect. */
const effects = new Map<string, number>();

const textInput = z.object({ text: z.string() });

const look = defineTool({
  name: 'look',
  description: 'Reads.',
  inputSchema: textInput,
  effect: 'read',
  needs: 'nothing',
  execute: async ({ text }, { callId }) => ({
    outcome: 'ok',
    output: { seen: text },
    data: [{ type: 'data-todo', id: callId, data: { todos: [{ text, status: 'open' }] } }],
  }),
});

const send = defineTool({
  name: 'send',
  description: 'Acts on the world outside.',
  inputSchema: textInput,
  effect: 'once',
  needs: 'outside',
  async execute({ text }, { callId, emitOutput }) {
    effects.set(callId, (effects.get(callId) ?? 0) + 1);
    emitOutput('stdout', text);
    return { outcome: 'ok', output: { sent: text } };
  },
});

const spend = defineTool({
  name: 'spend',
  description: 'Acts on the world outside, once a person has agreed.',
  inputSchema: textInput,
  effect: 'once',
  needs: 'outside',
  consent: ({ text }) => `Spend it: ${text}?`,
  async execute({ text }, { callId }) {
    effects.set(callId, (effects.get(callId) ?? 0) + 1);
    return { outcome: 'ok', output: { spent: text } };
  },
});

const complete = defineTool({
  name: 'complete',
  description: 'Ends the run.',
  inputSchema: textInput,
  effect: 'once',
  needs: 'nothing',
  execute: async ({ text }, { callId }) => ({
    outcome: 'ok',
    output: { text },
    data: [
      {
        type: 'data-file',
        id: callId,
        data: { path: 'a.csv', name: 'a.csv', mediaType: 'text/csv', size: 4 },
      },
    ],
    end: { reason: 'finished' },
  }),
});

/** A step with two parallel reads, an effect and one that a person must agree to, one that is cut by its length, and one that completes and hands a file over. */
const scenario: Scenario = {
  turns: [
    {
      steps: [
        { reasoning: 'Think.' },
        { text: ['Two ', 'looks.'] },
        { toolCall: { name: 'look', arguments: { text: 'left' }, pieces: 2 } },
        { toolCall: { name: 'spend', arguments: { text: 'much' } } },
        { toolCall: { name: 'look', arguments: { text: 'right' } } },
        { toolCall: { name: 'send', arguments: { text: 'gone' } } },
      ],
    },
    { steps: [{ text: 'This is cut' }], finishReason: 'length' },
    { steps: [{ text: 'Done.' }, { toolCall: { name: 'complete', arguments: { text: 'ok' } } }] },
  ],
};

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([look, send, spend, complete]);
});
afterAll(async () => {
  await harness.stop();
});

/** The message of a viewer who was there all the time, or of a late one when the log did not get its end. */
async function viewedMessage(run: Run): Promise<SwitchyardMessage> {
  const chunks = await chunksOfLog(harness.redis, run.id);
  if (run.lastEventId?.endsWith(`-${chunks.length}`)) return await foldMessage(chunks);
  const stored = await snapshot(harness.sql, { runId: run.id });
  return await foldMessage([
    { type: 'start', messageId: run.messageId },
    ...chunksOfParts(
      stored.parts.map(({ part }) => part),
      { closeLastStep: true },
    ),
    ...endingChunks(run),
  ]);
}

/** Agrees to whatever the run waits for, and gives the job that comes of it; null when the run has ended. */
async function nextJob(runId: string): Promise<RunJob | null> {
  const { status } = await readRun(harness.sql, harness.actor, runId);
  if (isEnded(status)) return null;
  const waiting = await harness.sql<{ approvalId: string }[]>`
    select id as "approvalId" from approvals where run_id = ${runId} and status = 'requested'`;
  const answers = waiting.map(({ approvalId }) => ({ approvalId, approved: true, reason: 'Do.' }));
  await answerApprovals(harness.sql, harness.actor, { runId, answers });
  const [row] = await harness.sql<{ wakeup: number }[]>`select wakeup from runs where id = ${runId}`;
  return { runId, wakeup: row!.wakeup, signal: new AbortController().signal };
}

/** Lets a worker die at its n-th call, then others go on until the run has ended. False when it ended before. */
async function killAndRecover(
  started: StartedRun,
  cut: { readonly at: number; readonly when: 'before' | 'after' },
): Promise<boolean> {
  const first = faultyWorker(harness.worker, { ...cut, how: 'dies' });
  const { runId } = jobOf(started);
  let hasDied = false;
  // One claim before the person's answer and one after it, and one more after the death.
  for (let job: RunJob | null = jobOf(started); job; job = await nextJob(runId)) {
    const lock = new AbortController();
    const worker: Worker = hasDied ? harness.worker : first.worker;
    const execution: Promise<string> = executeRun(worker, { ...job, signal: lock.signal }).catch(
      () => 'dead' as const,
    );
    if (!hasDied) {
      hasDied = await Promise.race([first.faulted.then(() => true), execution.then(() => false)]);
      if (hasDied) lock.abort(new LockLostError(runId));
    }
    expect(hasDied ? ['done', 'dead'] : ['done']).toContain(await execution);
  }
  return hasDied;
}

/** True for a call with an effect whose part does not say what happened. */
function isWronglyTold(part: MessagePart): boolean {
  if (part.type !== 'tool-send' && part.type !== 'tool-spend') return false;
  const count = effects.get(part.toolCallId) ?? 0;
  if (part.state === 'output-available') return count !== 1;
  return count > 1 || part.state !== 'output-error' || !part.errorText.includes('outcome unknown');
}

describe.each(['before', 'after'] as const)('a worker that dies %s its n-th call', (when) => {
  it('leaves a run that another one ends: viewers see what is stored, and effects happen at most once', async () => {
    let at = 1;
    for (; ; at += 1) {
      const started = await harness.start(scenario);
      const hasDied = await killAndRecover(started, { at, when });
      const run = await readRun(harness.sql, harness.actor, started.run.id);
      const message = await storedMessage(harness, run);
      const point = `${when} call ${at}`;
      expect(run, point).toMatchObject({ status: 'completed', reason: 'finished', steps: 3 });
      expect(await viewedMessage(run), point).toEqual(message);
      expect(message.parts.filter(isWronglyTold), point).toEqual([]);
      if (!hasDied) break;
    }
    // Claim, read, open, three answers, their calls, the wait, all that once more, and the end.
    expect(at).toBeGreaterThan(25);
  });
});

describe.each(['before', 'after'] as const)('a worker that loses its connection %s its n-th call', (when) => {
  it('goes on by itself: nothing is lost, repeated or left unknown', async () => {
    let at = 1;
    for (; ; at += 1) {
      const started = await harness.start(scenario);
      const { worker, calls } = faultyWorker(harness.worker, { at, when, how: 'stumbles' });
      for (let job: RunJob | null = jobOf(started); job; job = await nextJob(started.run.id))
        expect(await executeRun(worker, job)).toBe('done');
      const run = await readRun(harness.sql, harness.actor, started.run.id);
      const message = await storedMessage(harness, run);
      const point = `${when} call ${at}`;
      expect(run, point).toMatchObject({ status: 'completed', reason: 'finished', steps: 3 });
      expect(await viewedMessage(run), point).toEqual(message);
      expect(
        message.parts.filter((part) => 'errorText' in part || isWronglyTold(part)),
        point,
      ).toEqual([]);
      if (calls.store + calls.redis < at) break;
    }
    expect(at).toBeGreaterThan(25);
  });
});

it('a plain answer costs few round trips', async () => {
  const started = await harness.start({ turns: [{ steps: [{ text: 'yes' }] }] });
  const { worker, calls } = faultyWorker(harness.worker, { at: Infinity, when: 'before', how: 'dies' });
  await executeRun(worker, jobOf(started));
  expect(await readRun(harness.sql, harness.actor, started.run.id)).toMatchObject({ reason: 'answered' });
  // Claim, read, finish; open, two appends of the answer, the ending, and the expiry.
  expect(calls).toEqual({ store: 3, redis: 5 });
});
