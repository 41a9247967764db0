import { defineTool } from '@switchyard/agent';
import { foldMessage } from '@switchyard/agent/test';
import { LockLostError } from '@switchyard/bus';
import { newId, type SwitchyardMessage } from '@switchyard/protocol';
import type { RecordedRequest, Scenario } from '@switchyard/stand-ins';
import { readRun } from '@switchyard/store';
import { allTools } from '@switchyard/tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { executeRun } from '../src/execute-run.ts';
import { faultyWorker } from './faulty-worker.ts';
import { chunksOfLog, execute, type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { entryOf, ways } from './model-ways.ts';

const windows = { small: 32_000, tiny: 8000 };
const maxOutputTokens = 1000;

const manySteps = 300;
/** Milliseconds of CPU of this process at each call of `work`. */
const cpuAt: number[] = [];
const callIds: string[] = [];
/** A result of about 500 tokens, never twice the same; the last call ends the run. */
const work = defineTool({
  name: 'work',
  description: 'Works.',
  inputSchema: z.object({ text: z.string() }),
  effect: 'read',
  needs: 'nothing',
  async execute({ text }, { callId }) {
    callIds.push(callId);
    const { user, system } = process.cpuUsage();
    cpuAt.push((user + system) / 1000);
    const output = `${text} ${cpuAt.length} ${'x'.repeat(2000)}`;
    return { outcome: 'ok', output, ...(cpuAt.length >= manySteps ? { end: { reason: 'finished' } } : {}) };
  },
});
/** A result that fills most of a tiny window. */
const fill = defineTool({
  name: 'fill',
  description: 'Says much.',
  inputSchema: z.object({}),
  effect: 'read',
  needs: 'nothing',
  execute: async () => ({ outcome: 'ok', output: 'y'.repeat(20_000) }),
});
/** Asks for the first result as a model does, which a script cannot: the id is not known to it. */
const expandResult = allTools.find(({ name }) => name === 'expand_result')!;
const expandFirst = defineTool({
  ...expandResult,
  name: 'expand_first',
  inputSchema: z.object({}),
  execute: (_input, context) => expandResult.execute({ callId: callIds[0], page: 1 }, context),
});

const call = (name: string, input: object = {}) => ({
  toolCall: { name, arguments: input as Record<string, unknown> },
});

let harness: Harness;
beforeAll(async () => {
  const catalog = ways.flatMap((way) =>
    Object.entries(windows).map(([name, contextWindow]) =>
      entryOf(way, { id: `scripted:${name}-${way.wire}-${way.tools}`, contextWindow, maxOutputTokens }),
    ),
  );
  harness = await startHarness([work, fill, expandFirst], { catalog });
  // Chosen by the last user message, in this order.
  harness.model.setScenario('summary', notes);
  harness.model.setScenario('after', afterNotes(done));
});
afterAll(async () => {
  await harness.stop();
});

type Turns = Scenario['turns'];
const done: Turns = [{ steps: [{ text: 'Done.' }] }];
const afterNotes = (turns: Turns): Scenario => ({ match: { text: 'NOTES-WERE-TAKEN' }, turns });

const notes: Scenario = {
  match: { text: 'Write the summary of this conversation.' },
  turns: [{ steps: [{ text: 'Goal: NOTES-WERE-TAKEN.' }] }],
};

/** A run whose model follows `turns` until it goes on from a summary. */
async function start(model: string, turns: Turns) {
  const name = newId();
  const text = `Do the task ${name}.`;
  harness.model.setScenario(name, { match: { text }, turns });
  return await harness.start({ turns }, { model, message: { parts: [{ type: 'text', text }] } });
}

async function run(model: string, turns: Turns, worker = harness.worker) {
  const before = harness.model.requests.length;
  const ended = await execute(harness, await start(model, turns), worker);
  const message = await storedMessage(harness, ended);
  expect(await foldMessage(await chunksOfLog(harness.redis, ended.id))).toEqual(message);
  return { ended, message, requests: harness.model.requests.slice(before) };
}

const textOf = (request: RecordedRequest | undefined) => JSON.stringify(request?.body.messages);
const kindsOf = (message: SwitchyardMessage) => message.parts.map(({ type }) => type);

describe.each(ways)('over $wire with $tools calls', ({ wire, tools }) => {
  /** Refused once, at its second request. Calls as text come back in a user's message, which then chooses the turn. */
  const refusedOnce = (): Turns => {
    const marker = newId();
    const refused = { ...done[0]!, faults: [{ kind: 'context-length', times: 1 } as const] };
    harness.model.setScenario(marker, { match: { text: marker }, turns: [refused] });
    return [{ steps: [call('work', { text: marker })] }, refused];
  };

  it('a request that is refused as too long is made again from a summary', async () => {
    const { ended, message, requests } = await run(`scripted:small-${wire}-${tools}`, refusedOnce());
    expect(ended).toMatchObject({ reason: 'answered', steps: 3 });
    expect(kindsOf(message)).toEqual([
      'step-start',
      'tool-work',
      'step-start',
      'data-summary',
      'step-start',
      'text',
    ]);
    expect(requests.map(({ scenario }) => scenario).slice(2)).toEqual(['summary', 'after']);
    expect(textOf(requests[2])).toMatch(/## result of work/);
    // Calls as text have their results in messages of the user, but not here.
    expect(textOf(requests[2]).match(/## user\\n\|/g)).toHaveLength(1);
    expect(requests[2]?.body.tools ?? []).toEqual([]);
    expect(textOf(requests[3])).toContain('Goal: NOTES-WERE-TAKEN.');
    expect(textOf(requests[3])).toContain('Do the task');
    expect(textOf(requests[3])).not.toContain('xxx');
    // Each request was counted, and the refused one cost nothing.
    const [row] = await harness.sql<{ calls: number; tokens: number }[]>`
      select count(*)::int as calls, sum(input_tokens + output_tokens)::int as tokens from usage
      where run_id = ${ended.id}`;
    expect(row).toEqual({ calls: 3, tokens: ended.usage.totalTokens });
  });

  it('one that is refused again ends the run as what it is', async () => {
    harness.model.setScenario('after', { ...afterNotes(done), faults: [{ kind: 'context-length' }] });
    const { ended, requests } = await run(`scripted:small-${wire}-${tools}`, refusedOnce());
    harness.model.setScenario('after', afterNotes(done));
    expect(ended).toMatchObject({
      status: 'failed',
      reason: 'context-overflow',
      error: { code: 'context_overflow' },
    });
    expect(requests).toHaveLength(4);
  });

  it('an answer that ended where its window is full is kept, and goes on from a summary', async () => {
    // Enough that a summary is worth it.
    const text = Array.from({ length: 800 }, (_, index) => `Chapter ${index}.`).join(' ');
    const cut = { steps: [{ text }], finishReason: 'model_context_window_exceeded' };
    const { ended, message, requests } = await run(`scripted:tiny-${wire}-${tools}`, [cut, ...done]);
    expect(ended).toMatchObject({ reason: 'answered', steps: 3 });
    expect(kindsOf(message).filter((kind) => kind !== 'step-start')).toEqual([
      'text',
      'data-summary',
      'text',
    ]);
    expect(requests.map(({ scenario }) => scenario).slice(1)).toEqual(['summary', 'after']);
    expect(textOf(requests[1])).toContain('Chapter 799.');
  });

  it('a conversation that fills its window is summarised before it is refused', async () => {
    const turns: Turns = [{ steps: [call('fill')] }, { steps: [{ text: 'Too late.' }] }];
    const { ended, message, requests } = await run(`scripted:tiny-${wire}-${tools}`, turns);
    expect(ended.reason).toBe('answered');
    expect(requests.map(({ scenario }) => scenario).slice(1)).toEqual(['summary', 'after']);
    expect(kindsOf(message)).toContain('data-summary');
  });
});

describe('notes that say nothing of the conversation', () => {
  const babble: Turns[number] = {
    steps: [{ repeat: 'And then I looked at the file once more.\n', times: 200 }],
  };
  const turns: Turns = [{ steps: [call('fill')] }, { steps: [{ text: 'Too late.' }] }];
  async function runWith(written: Turns[number]) {
    harness.model.setScenario('summary', { ...notes, turns: [written] });
    const ran = await run('scripted:tiny-chat-native', turns);
    harness.model.setScenario('summary', notes);
    return { ...ran, asked: ran.requests.filter(({ scenario }) => scenario === 'summary').length };
  }

  it('since they repeat themselves are asked for once more, and then end the run', async () => {
    const { ended, message, asked } = await runWith(babble);
    expect(ended).toMatchObject({
      reason: 'model-error',
      error: { detail: expect.stringContaining('no summary') as string },
    });
    expect(kindsOf(message)).not.toContain('data-summary');
    expect(asked).toBe(2);
    // Both are paid.
    expect(ended.usage.inputTokens).toBeGreaterThan(2000);
  });

  it('since they were filtered end the run', async () => {
    const { ended, asked } = await runWith({ steps: [{ text: 'Goal' }], finishReason: 'content_filter' });
    expect(ended.reason).toBe('model-error');
    expect(asked).toBe(1);
  });
});

describe('a worker that dies around a summary', () => {
  it.each(['before', 'after'] as const)(
    '%s any of its calls leaves a run that another one ends, with one summary',
    async (when) => {
      let at = 1;
      for (; ; at += 1) {
        const started = await start('scripted:tiny-chat-native', [{ steps: [call('fill')] }, ...done]);
        const { worker, calls, faulted } = faultyWorker(harness.worker, { at, when, how: 'dies' });
        const lock = new AbortController();
        const first = executeRun(worker, jobOf(started, lock.signal)).catch(() => 'dead' as const);
        const hasDied = await Promise.race([faulted.then(() => true), first.then(() => false)]);
        if (hasDied) lock.abort(new LockLostError(started.run.id));
        await first;
        if (hasDied) await executeRun(harness.worker, jobOf(started));
        const ended = await readRun(harness.sql, harness.actor, started.run.id);
        const message = await storedMessage(harness, ended);
        const point = `${when} call ${at}`;
        expect(ended.reason, point).toBe('answered');
        expect(
          kindsOf(message).filter((kind) => kind === 'data-summary'),
          point,
        ).toHaveLength(1);
        const chunks = await chunksOfLog(harness.redis, ended.id);
        // A viewer who was there all the time, where the log got its end.
        const isWhole = ended.lastEventId?.endsWith(`-${chunks.length}`);
        expect(isWhole ? await foldMessage(chunks) : message, point).toEqual(message);
        if (calls.store + calls.redis < at) break;
      }
      expect(at).toBeGreaterThan(12);
    },
  );
});

describe('a result that was left out of a long conversation', () => {
  it('is given back whole when the model asks for it', async () => {
    callIds.length = 0;
    cpuAt.length = 0;
    const name = newId();
    const text = `Remember ${name}.`;
    const turns: Turns = Array.from({ length: 50 }, () => ({ steps: [call('work', { text: 'go' })] }));
    const asks: Turns[number] = { steps: [call('expand_first')] };
    harness.model.setScenario(name, { match: { text }, turns: [...turns, asks, ...done] });
    const started = await harness.start(
      { turns },
      { model: 'scripted:small-chat-native', message: { parts: [{ type: 'text', text }] } },
    );
    const ended = await execute(harness, started, { ...harness.worker, maxSteps: 100 });
    expect(ended.reason).toBe('answered');
    const message = await storedMessage(harness, ended);
    expect(kindsOf(message)).toContain('data-pruned');
    expect(kindsOf(message)).not.toContain('data-summary');
    const last = harness.model.requests.at(-1);
    expect(textOf(last)).toContain(`expand_result with callId \\"${callIds[0]}\\" gives it back`);
    expect(message.parts.find(({ type }) => type === 'tool-expand_first')).toMatchObject({
      state: 'output-available',
      output: expect.stringMatching(/page 1 of 1.*\n\n.*go 1 x{2000}/s),
    });
  });
});

describe('a run of hundreds of steps on a small window', () => {
  it('ends, never asks for more than the window has, and takes linear time', async () => {
    const steps = [{ text: `Thinking. ${'z'.repeat(400)}` }, call('work', { text: 'go' })];
    const turns: Turns = Array.from({ length: manySteps }, () => ({ steps }));
    harness.model.setScenario('after', afterNotes(turns));
    cpuAt.length = 0;
    const worker = { ...harness.worker, maxSteps: 500, maxDurationMs: 300_000 };
    const { ended, message, requests } = await run('scripted:small-chat-native', turns, worker);
    harness.model.setScenario('after', afterNotes(done));
    expect(ended.reason).toBe('finished');
    expect(cpuAt).toHaveLength(manySteps);

    const longest = Math.max(...requests.map(({ text }) => text.length));
    expect(longest / 4).toBeLessThan(windows.small - maxOutputTokens);
    const countOf = (kind: string) => kindsOf(message).filter((each) => each === kind).length;
    expect(countOf('data-summary')).toBeGreaterThan(0);
    expect(countOf('data-pruned')).toBeGreaterThan(2);
    // A cache is lost where room is made, and nowhere else: not with each step.
    const messages = requests.map(({ body }) => JSON.stringify(body.messages).slice(0, -1));
    const lost = messages.filter((text, index) => index > 0 && !text.startsWith(messages[index - 1]!));
    expect(lost.length).toBe(countOf('data-pruned') + 2 * countOf('data-summary'));
    expect(lost.length).toBeLessThan(manySteps / 6);

    // The first hundred warm the code up.
    const spent = (from: number, to: number) => cpuAt[to - 1]! - cpuAt[from]!;
    expect(spent(200, 300) / spent(100, 200)).toBeLessThan(2.5);
  }, 120_000);
});
