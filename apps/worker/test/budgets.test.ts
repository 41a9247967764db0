import { foldMessage } from '@switchyard/agent/test';
import { DrainedError, LockLostError } from '@switchyard/bus';
import { type ModelEntry, type ModelWire, type Run, scriptedModel } from '@switchyard/protocol';
import type { Scenario } from '@switchyard/stand-ins';
import { allTools } from '@switchyard/tools';
import { type StartedRun, startRun, type StartRunOptions } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { executeRun } from '../src/execute-run.ts';
import { lockMs } from '../src/worker.ts';
import { chunksOfLog, execute, type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { echo } from './test-tools.ts';

const entry = (wire: ModelWire): ModelEntry => ({
  ...scriptedModel,
  id: `scripted:${wire}`,
  aliases: [],
  wire,
  model: wire,
  // No request of these tests is to be made shorter.
  contextWindow: 1_000_000,
  price: { input: 10, cachedInput: 1, output: 100 },
});
const surcharged: ModelEntry = {
  ...entry('messages'),
  id: 'scripted:surcharged',
  price: { input: 10, cachedInput: 1, cacheWrite: 12.5, output: 100 },
};
const unpriced: ModelEntry = { ...entry('chat'), id: 'scripted:unpriced', model: 'unpriced', price: null };
const overloaded: ModelEntry = { ...entry('chat'), id: 'scripted:overloaded', fallback: unpriced.id };

let harness: Harness;
beforeAll(async () => {
  const catalog = [entry('chat'), entry('responses'), entry('messages'), surcharged, unpriced, overloaded];
  // All that a run has, since they are a part of each request.
  harness = await startHarness([echo, ...allTools], { catalog });
});
afterAll(async () => {
  await harness.stop();
});

/** A step that says something, calls a tool, and costs 41,000 tokens. */
const step = (text: string) => ({
  steps: [{ text }, { toolCall: { name: 'echo', arguments: { text } } }],
  usage: { inputTokens: 40_000, outputTokens: 1000 },
});
const endless: Scenario = { turns: [step('one'), step('two'), step('three'), step('four'), step('five')] };

async function run(scenario: Scenario, options: Partial<StartRunOptions>) {
  const before = harness.model.requests.length;
  const done = await ended(await harness.start(scenario, { model: 'scripted:chat', ...options }));
  return { ...done, asked: harness.model.requests.slice(before) };
}

/** Executes it; what its viewers saw is what is stored. */
async function ended(started: StartedRun) {
  const run = await execute(harness, started);
  const message = await storedMessage(harness, run);
  expect(await foldMessage(await chunksOfLog(harness.redis, run.id))).toEqual(message);
  const texts = message.parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  const notices = message.parts.flatMap((part) => (part.type === 'data-notice' ? [part.data] : []));
  return { run, texts, notices };
}

/** A run that is taken from its first worker in its first call, and ended by another; with what each of the calls cost. */
async function losingFirstWorker(model: string) {
  const faults = [{ kind: 'stall', afterChunks: 2, times: 1 } as const];
  const usage = { inputTokens: 100, outputTokens: 10 };
  const started = await harness.start({ turns: [{ steps: [{ text: 'Done.' }], usage, faults }] }, { model });
  const before = harness.model.requests.length;
  const lock = new AbortController();
  const dying = executeRun(harness.worker, jobOf(started, lock.signal));
  await vi.waitFor(() => expect(harness.model.requests).toHaveLength(before + 1), { timeout: 20_000 });
  lock.abort(new LockLostError(started.run.id));
  await dying;
  const done = await ended(started);
  const [lost, settled] = await harness.sql<{ tokens: number; cost: number | null; estimated: boolean }[]>`
    select input_tokens::int as tokens, cost_usd::float as cost, is_estimated as estimated from usage
    where run_id = ${started.run.id} order by epoch`;
  if (!lost?.estimated || !settled || settled.estimated)
    throw new Error('The calls are not the two expected.');
  // A token is about four characters.
  const sentTokens = (harness.model.requests[before]?.text.length ?? 0) / 4;
  return { ...done, lost, settled, sentTokens };
}

describe.each<ModelWire>(['chat', 'responses', 'messages'])('over the wire of %s', (wire) => {
  const model = `scripted:${wire}`;

  it('a run asks no further when the next request would go above its tokens, and keeps what it has', async () => {
    const { run: done, texts, asked } = await run(endless, { model, limits: { maxTokens: 120_000 } });
    expect(done).toMatchObject({
      status: 'failed',
      reason: 'budget',
      steps: 2,
      usage: { totalTokens: 82_000, estimated: false },
      error: { code: 'token_limit' },
    });
    expect(texts).toEqual(['one', 'two']);
    expect(asked).toHaveLength(2);
  });

  it('a run asks no further when the next request would cost more than is left', async () => {
    const { run: done, asked } = await run(endless, { model, limits: { maxCostUsd: 1.3 } });
    expect(done).toMatchObject({ reason: 'budget', steps: 2, costUsd: 1, error: { code: 'cost_limit' } });
    expect(asked).toHaveLength(2);
  });

  it('an answer of reasoning alone costs what its provider counted, and is not paid for again and again', async () => {
    const usage = { inputTokens: 100, outputTokens: 32_000 };
    const cut: Scenario = {
      turns: [{ steps: [{ reasoning: 'I think about it.' }], finishReason: 'length', usage }],
    };
    const { run: done, asked } = await run(cut, { model });
    expect(done).toMatchObject({
      reason: 'model-error',
      usage: { ...usage, estimated: false },
      error: { detail: expect.stringContaining('output limit') as string },
    });
    expect(done.costUsd).toBeCloseTo(3.201, 9);
    expect(asked).toHaveLength(1);
    // Ended by the model itself, it is asked again, as far as the budget goes.
    const empty: Scenario = { turns: [{ steps: [{ reasoning: 'Hm.' }], usage }] };
    const { run: poor, asked: several } = await run(empty, { model, limits: { maxCostUsd: 7 } });
    expect(poor).toMatchObject({ reason: 'budget', usage: { outputTokens: 96_000, estimated: false } });
    expect(several).toHaveLength(3);
  });

  it.each([
    ['tokens', { maxTokens: 82_500 }],
    ['money', { maxCostUsd: 1.05 }],
  ])(
    'an answer may have what is left of its %s, and ends the run where it reaches that',
    async (_, limits) => {
      const usage = { inputTokens: 40_020, outputTokens: 500 };
      const cut = { steps: [{ text: 'As far as' }], finishReason: 'length', usage };
      const { run: done, texts, asked } = await run({ turns: [step('one'), cut] }, { model, limits });
      expect(done).toMatchObject({ reason: 'budget', steps: 2 });
      expect(texts).toEqual(['one', 'As far as']);
      const [whole, capped] = asked.map(({ text }) => {
        const body = JSON.parse(text) as { max_output_tokens?: number; max_tokens?: number };
        return body.max_output_tokens ?? body.max_tokens ?? Infinity;
      });
      expect(whole).toBeGreaterThan(5000);
      expect(capped).toBeGreaterThan(100);
      expect(capped).toBeLessThan(1500);
      expect(asked).toHaveLength(2);
    },
  );

  it('a model that thinks for all that is left of its run’s budget ends it as such', async () => {
    const usage = { inputTokens: 40_020, outputTokens: 1400 };
    const cut = { steps: [{ reasoning: 'Hm.' }], finishReason: 'length', usage };
    const limits = { maxTokens: 82_500 };
    const { run: done, asked } = await run({ turns: [step('one'), cut] }, { model, limits });
    expect(done).toMatchObject({ reason: 'budget', usage: { totalTokens: 82_420 } });
    expect(asked).toHaveLength(2);
  });

  it('what the provider had cached costs what it costs, and is expected to be cached again', async () => {
    const usage = { inputTokens: 40_000, cachedInputTokens: 40_000, outputTokens: 100 };
    const turns = ['one', 'two', 'three'].map((text) => ({ ...step(text), usage }));
    const { run: done } = await run(
      { turns: [...turns, { steps: [{ text: 'Done.' }], usage }] },
      { model, limits: { maxCostUsd: 0.3 } },
    );
    expect(done).toMatchObject({ reason: 'answered', steps: 4 });
    expect(done.costUsd).toBeCloseTo(4 * 0.05);
  });
});

describe('a budget', () => {
  it('counts what the provider puts into its cache at the price of that, where it has one', async () => {
    const usage = {
      inputTokens: 40_000,
      cachedInputTokens: 10_000,
      cacheWriteTokens: 20_000,
      outputTokens: 100,
    };
    const answer: Scenario = { turns: [{ steps: [{ text: 'Done.' }], usage }] };
    const { run: dear } = await run(answer, { model: surcharged.id });
    expect(dear.usage).toMatchObject({ inputTokens: 40_000, cachedInputTokens: 10_000, estimated: false });
    expect(dear.costUsd).toBeCloseTo(0.1 + 0.01 + 0.25 + 0.01, 9);
    const { run: plain } = await run(answer, { model: 'scripted:messages' });
    expect(plain.costUsd).toBeCloseTo(0.3 + 0.01 + 0.01, 9);
  });

  it('that is too small for the first request is not touched', async () => {
    const { run: done, asked } = await run(endless, { limits: { maxTokens: 10 } });
    expect(done).toMatchObject({ reason: 'budget', steps: 0, usage: { totalTokens: 0 }, costUsd: 0 });
    expect(asked).toEqual([]);
  });

  it('reserves what a request costs when all of it that is new is put into a cache', async () => {
    const parts = [{ type: 'text', text: `${'word '.repeat(80_000)} [[scenario:new-words]]` } as const];
    const usage = { inputTokens: 100, outputTokens: 10 };
    harness.model.setScenario('new-words', { turns: [{ steps: [{ text: 'Done.' }], usage }] });
    // 100,000 tokens for $1 without a surcharge and $1.25 with one.
    const options = { message: { parts }, limits: { maxCostUsd: 1.15 } };
    const { run: dear, asked } = await run(endless, { ...options, model: surcharged.id });
    expect(dear).toMatchObject({ reason: 'budget', costUsd: 0, error: { code: 'cost_limit' } });
    expect(asked).toEqual([]);
    const { run: plain } = await run(endless, { ...options, model: 'scripted:messages' });
    expect(plain).toMatchObject({ reason: 'answered', steps: 1 });
  });

  it('counts answers that broke, and keeps what was shown of the last one', async () => {
    const faults = [{ kind: 'error', afterChunks: 2, is: 'overloaded' } as const];
    const parts = [{ type: 'text', text: `${'word '.repeat(80_000)} [[scenario:broken]]` } as const];
    harness.model.setScenario('broken', { turns: [{ ...step('one'), faults }] });
    const {
      run: done,
      texts,
      asked,
    } = await run(endless, { message: { parts }, limits: { maxTokens: 250_000 } });
    expect(texts).toEqual(['one']);
    expect(done).toMatchObject({
      reason: 'budget',
      steps: 1,
      usage: { estimated: true },
      error: { code: 'token_limit' },
    });
    expect(done.usage.totalTokens).toBeGreaterThan(200_000);
    expect(done.usage.totalTokens).toBeLessThanOrEqual(250_000);
    expect(asked).toHaveLength(2);
  });

  it('is not given anew to the worker that goes on after a crash, which pays for the call that was open', async () => {
    const faults = [{ kind: 'stall', afterChunks: 1, times: 1 } as const];
    const turns = endless.turns.map((turn, index) => (index === 1 ? { ...turn, faults } : turn));
    const limits = { maxTokens: 150_000 };
    const started = await harness.start({ turns }, { model: 'scripted:chat', limits });
    const { requests } = harness.model;
    const before = requests.length;
    const lock = new AbortController();
    const dying = executeRun(harness.worker, jobOf(started, lock.signal));
    await vi.waitFor(() => expect(requests).toHaveLength(before + 2), { timeout: 20_000 });
    lock.abort(new LockLostError(started.run.id));
    await dying;
    const { run: done } = await ended(started);
    // One step, the call that the dead worker had made, and a second step; a third would be the fourth call.
    expect(done).toMatchObject({ reason: 'budget', steps: 2, usage: { estimated: true } });
    expect(done.usage.totalTokens).toBeGreaterThan(120_000);
    expect(requests.length - before).toBe(3);
  });

  it('knows after a hand-over what the broken attempts of the step had cost', async () => {
    const parts = [{ type: 'text', text: `${'word '.repeat(40_000)} [[scenario:handed-over]]` } as const];
    const faults = [
      { kind: 'error', afterChunks: 2, times: 2 } as const,
      { kind: 'stall', afterChunks: 2, times: 1 } as const,
    ];
    const usage = { inputTokens: 50_000, outputTokens: 10 };
    harness.model.setScenario('handed-over', {
      turns: [{ steps: [{ text: ['Do', 'ne.'] }], usage, faults }],
    });
    const started = await harness.start(endless, { model: 'scripted:chat', message: { parts } });
    const { requests } = harness.model;
    const before = requests.length;
    const job = new AbortController();
    const leaving = executeRun(harness.worker, jobOf(started, job.signal));
    await vi.waitFor(() => expect(requests[before + 2]?.chunks).toBe(2), { timeout: 20_000 });
    job.abort(new DrainedError());
    expect(await leaving).toBe('hand-over');
    const { run: done } = await ended(started);
    expect(done).toMatchObject({ reason: 'answered', usage: { estimated: true } });
    expect(requests.length - before).toBe(4);
    // Three that broke and one that was counted, of some 50,000 tokens each at ten dollars a million.
    expect(done.usage.totalTokens).toBeGreaterThan(195_000);
    expect(done.costUsd).toBeGreaterThan(1.95);
  });

  it('counts prompt and tools where the server counts nothing', async () => {
    const { run: done, asked } = await run(
      { turns: [{ steps: [{ text: 'Done.' }], usage: 'absent' }] },
      { model: 'scripted:chat' },
    );
    const sentTokens = (asked[0]?.text.length ?? 0) / 4;
    expect(done.usage.inputTokens / sentTokens).toBeGreaterThan(0.5);
    expect(done.usage.inputTokens / sentTokens).toBeLessThan(2);
  });

  it('is not charged for the next call when a worker dies while the tools of a step run', async () => {
    const limits = { maxTokens: 150_000 };
    const started = await harness.start(endless, { model: 'scripted:chat', limits });
    const { requests } = harness.model;
    const before = requests.length;
    // It notices after its first step that it may have lost the run.
    const lockAgeMs = () => (requests.length > before ? lockMs + 1 : 0);
    await executeRun({ ...harness.worker, lockAgeMs }, jobOf(started));
    expect(requests.length - before).toBe(1);
    const { run: done } = await ended(started);
    expect(done).toMatchObject({
      reason: 'budget',
      steps: 3,
      usage: { totalTokens: 123_000, estimated: false },
    });
    expect(requests.length - before).toBe(3);
  });

  it.each([
    { model: surcharged.id, perToken: 12.5 / 1_000_000 },
    { model: 'scripted:chat', perToken: 10 / 1_000_000 },
  ])('counts the money of a first call whose worker died, for $model', async ({ model, perToken }) => {
    const { run: done, lost, settled, sentTokens } = await losingFirstWorker(model);
    expect(lost.cost).toBeGreaterThan(0);
    // Prompt and tools are a part of what was sent.
    expect(lost.tokens / sentTokens).toBeGreaterThan(0.5);
    expect(lost.tokens / sentTokens).toBeLessThan(2);
    expect(lost.cost).toBeCloseTo(lost.tokens * perToken, 9);
    expect(done.costUsd).toBeCloseTo((lost.cost ?? 0) + (settled.cost ?? 0), 9);
  });

  it('does not know what such a call cost where the price is not known', async () => {
    const { run: done, lost } = await losingFirstWorker(unpriced.id);
    expect([lost.cost, done.costUsd]).toEqual([null, null]);
  });

  it('that is used up ends the run, and a message begins another one that knows what was done', async () => {
    const limits = { maxTokens: 120_000 };
    const { run: first } = await run(endless, { limits });
    expect(first.reason).toBe('budget');
    harness.model.setScenario('go-on', { turns: [{ steps: [{ text: 'Now it is done.' }] }] });
    const next = await startRun(harness.sql, harness.actor, {
      requestHash: 'next',
      threadId: first.threadId,
      model: 'scripted:chat',
      limits,
      message: { parts: [{ type: 'text', text: 'Go on. [[scenario:go-on]]' }] },
    });
    const { run: second } = await ended(next);
    expect(second).toMatchObject({ reason: 'answered', steps: 1 });
    const last = harness.model.requests.at(-1)?.text;
    expect(last).toContain('"said\\":\\"two');
    expect(last).toContain('Go on.');
  });
});

describe('a limit of money for a model whose price is not known', () => {
  const notice = [
    { code: 'cost-unknown', text: expect.stringContaining('limit of 0.01 US dollars is not enforced') },
  ];
  const ending: Scenario = { turns: [step('one'), step('two'), { steps: [{ text: 'Done.' }] }] };
  const limits = { maxCostUsd: 0.01 };

  it('is announced once as not enforced, and the cost is unknown', async () => {
    const { run: done, notices } = await run(ending, { model: unpriced.id, limits });
    expect(done).toMatchObject<Partial<Run>>({ reason: 'answered', steps: 3, costUsd: null });
    expect(notices).toEqual(notice);
  });

  it('is announced again when the answer that showed it is withdrawn', async () => {
    const faults = [{ kind: 'error', afterChunks: 2, is: 'overloaded', times: 1 } as const];
    const [first, ...rest] = ending.turns;
    const { notices } = await run(
      { turns: [{ steps: [], ...first, faults }, ...rest] },
      { model: unpriced.id, limits },
    );
    expect(notices).toEqual(notice);
  });

  it('is announced when such a model takes the place of another', async () => {
    const faults = [{ kind: 'status', status: 529, times: 1 } as const];
    const { run: done, notices } = await run(
      { turns: [{ ...step('one'), faults }, { steps: [{ text: 'Done.' }] }] },
      { model: overloaded.id, limits: { maxCostUsd: 5 } },
    );
    expect(done).toMatchObject({ reason: 'answered', costUsd: null });
    expect(notices).toMatchObject([{ code: 'cost-unknown' }]);
  });

  it('says nothing when there is no such limit', async () => {
    const { notices } = await run(ending, { model: unpriced.id });
    expect(notices).toEqual([]);
  });

  it('leaves the limit of tokens in force', async () => {
    const { run: done } = await run(endless, {
      model: unpriced.id,
      limits: { ...limits, maxTokens: 120_000 },
    });
    expect(done).toMatchObject({ reason: 'budget', steps: 2, error: { code: 'token_limit' } });
  });
});
