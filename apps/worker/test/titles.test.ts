import { createToolset, defineTool } from '@switchyard/agent';
import { foldMessage } from '@switchyard/agent/test';
import { type ModelEntry, type Run, scriptedModel } from '@switchyard/protocol';
import type { Scenario } from '@switchyard/stand-ins';
import {
  createThread,
  readThread,
  type StartedRun,
  type StartRunOptions,
  updateThread,
} from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { chunksOfLog, execute, type Harness, startHarness, storedMessage } from './harness.ts';
import { slowTool } from './test-tools.ts';
import { workerWith } from './watched-runs.ts';

/** Longer than a test may take: whoever waits for a title that does not come fails. */
const titleTimeoutMs = 600_000;
const usage = { inputTokens: 1000, outputTokens: 10 };
const answer: Scenario = { turns: [{ steps: [{ text: 'Done.' }], usage }] };

const surcharged: ModelEntry = {
  ...scriptedModel,
  id: 'scripted:surcharged',
  aliases: [],
  wire: 'messages',
  model: 'surcharged',
  price: { input: 10, cachedInput: 1, cacheWrite: 12.5, output: 100 },
};

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([], { catalog: [scriptedModel, surcharged] });
});
afterAll(async () => {
  await harness.stop();
});

/** How the title is written from now on. */
function writeTitles(turn: Scenario['turns'][number]): void {
  harness.model.setScenario('title', { turns: [turn] });
}

const titleOf = async ({ threadId }: Run) => (await readThread(harness.sql, harness.actor, threadId)).title;
const titleRequests = (since: number) =>
  harness.model.requests.slice(since).filter(({ scenario }) => scenario === 'title');

/** Executes it; what its viewers saw is what is stored, and a title is no part of it. */
async function ended(started: StartedRun, worker = { ...harness.worker, titleTimeoutMs }) {
  const run = await execute(harness, started, worker);
  const chunks = await chunksOfLog(harness.redis, run.id);
  expect(await foldMessage(chunks)).toEqual(await storedMessage(harness, run));
  return { run, shown: chunks.flatMap((chunk) => (chunk.type === 'data-title' ? [chunk.data.title] : [])) };
}

/** The same for a run that only ends once its thread has that title. */
async function endedOnceTitled(title: string | RegExp, options: Partial<StartRunOptions> = {}) {
  const slow = slowTool();
  const started = await harness.start(
    {
      turns: [{ steps: [{ toolCall: { name: 'slow', arguments: { text: 'x' } } }], usage }, ...answer.turns],
    },
    options,
  );
  const ending = ended(started, { ...workerWith(harness, slow.tool), titleTimeoutMs });
  await vi.waitFor(async () => expect(await titleOf(started.run)).toMatch(title), { timeout: 20_000 });
  await slow.started();
  slow.release();
  return await ending;
}

describe('the title of a thread that has none', () => {
  it('is written by the model beside the run, shown, and paid for by the run', async () => {
    writeTitles({ steps: [{ text: '"Sales by region"' }], usage: { inputTokens: 100, outputTokens: 5 } });
    const { run, shown } = await endedOnceTitled('Sales by region');
    expect(shown).toEqual(['Sales by region']);
    expect(run).toMatchObject({ steps: 2, usage: { totalTokens: 105 + 2 * 1010, estimated: false } });
    expect(await titleOf(run)).toBe('Sales by region');
  });

  it('costs what the provider puts into its cache at the price of that', async () => {
    writeTitles({
      steps: [{ text: 'Sales by region' }],
      usage: { inputTokens: 100, cacheWriteTokens: 80, outputTokens: 5 },
    });
    const { run } = await endedOnceTitled('Sales by region', { model: surcharged.id });
    const [row] = await harness.sql<{ cost: number }[]>`
      select cost_usd::float as cost from usage where run_id = ${run.id} and step = 0`;
    expect(row?.cost).toBeCloseTo((20 * 10 + 80 * 12.5 + 5 * 100) / 1_000_000, 9);
  });

  it('is the first words of the message when the model fails, which is not asked again and fails no run', async () => {
    writeTitles({ steps: [{ text: 'Never' }], faults: [{ kind: 'status', status: 500 }] });
    const before = harness.model.requests.length;
    const { run } = await endedOnceTitled(/^\[\[scenario:/);
    expect(run).toMatchObject({ reason: 'answered', usage: { totalTokens: 2020, estimated: false } });
    expect(titleRequests(before)).toHaveLength(1);
  });

  it('is not waited for by the end of the run: its first words stand instead, and the request is paid by estimate', async () => {
    writeTitles({ steps: [{ text: 'Never' }], faults: [{ kind: 'stall', afterChunks: 0 }] });
    const { run, shown } = await ended(await harness.start(answer));
    expect(run).toMatchObject({ reason: 'answered', usage: { estimated: true } });
    expect(run.usage.totalTokens).toBeGreaterThan(1010);
    expect(await titleOf(run)).toMatch(/^\[\[scenario:/);
    expect(shown).toHaveLength(1);
  });

  it('is not asked for when the budget of the run has no room for it', async () => {
    const before = harness.model.requests.length;
    const { run } = await ended(await harness.start(answer, { limits: { maxTokens: 10 } }));
    expect(run.reason).toBe('budget');
    expect(titleRequests(before)).toHaveLength(0);
  });
});

describe('a run that waits for a person', () => {
  const spend = defineTool({
    name: 'spend',
    description: 'Spends.',
    inputSchema: z.object({}),
    effect: 'once',
    needs: 'outside',
    consent: () => 'Spend it?',
    execute: () => Promise.resolve({ outcome: 'ok', output: 'Spent.' }),
  });
  /** Executes a run until it waits. */
  async function waiting() {
    const turns = [{ steps: [{ toolCall: { name: 'spend', arguments: {} } }], usage }, ...answer.turns];
    const started = await harness.start({ turns });
    const worker = { ...harness.worker, tools: createToolset([spend]), titleTimeoutMs };
    expect(await execute(harness, started, worker)).toMatchObject({ status: 'awaiting-approval' });
    return started.run;
  }

  it('waits under the last event of its log, whenever its title came', async () => {
    writeTitles({ steps: [{ text: 'Sales by region' }] });
    const runs = await Promise.all(Array.from({ length: 20 }, waiting));
    for (const { id } of runs) {
      const [row] = await harness.sql<
        { event: string }[]
      >`select wait_event_id as event from runs where id = ${id}`;
      const chunks = await chunksOfLog(harness.redis, id);
      expect(row?.event).toBe(`1-${chunks.length}`);
      expect(chunks.slice(-2).map(({ type }) => type)).toEqual(['tool-approval-request', 'data-run']);
    }
  });

  it('has the first words of its message when the title did not come, and the request is paid', async () => {
    writeTitles({ steps: [{ text: 'Never' }], faults: [{ kind: 'stall', afterChunks: 0 }] });
    const run = await waiting();
    expect(await titleOf(run)).toMatch(/^\[\[scenario:/);
    const rows =
      await harness.sql`select step from usage where run_id = ${run.id} and is_estimated order by step`;
    expect(rows).toEqual([{ step: 0 }]);
  });
});

describe('first words in the place of a title that did not come', () => {
  /** A run that ends before its title, and the thread that has its first words. */
  async function endedBeforeTitle(options: Partial<StartRunOptions> = {}) {
    writeTitles({ steps: [{ text: 'Never' }], faults: [{ kind: 'stall', afterChunks: 0 }] });
    return await ended(await harness.start(answer, options));
  }

  it('make room for the title that the next run of the thread is given, and only for that', async () => {
    const { run: first } = await endedBeforeTitle();
    const words = (await titleOf(first)) ?? '';
    const since = harness.model.requests.length;
    writeTitles({ steps: [{ text: 'Sales by region' }], usage: { inputTokens: 100, outputTokens: 5 } });
    const { run, shown } = await endedOnceTitled('Sales by region', { threadId: first.threadId });
    expect(shown).toEqual(['Sales by region']);
    // What the thread was begun with, not what was said last.
    expect(titleRequests(since).map(({ body }) => body.messages.at(-1)?.content)).toEqual([words]);
    expect(run.usage).toMatchObject({ totalTokens: 105 + 2 * 1010, estimated: false });
    const before = harness.model.requests.length;
    await ended(await harness.start(answer, { threadId: first.threadId }));
    expect(titleRequests(before)).toHaveLength(0);
  });

  it('stay those of the first run when the next one gets none either', async () => {
    const { run: first } = await endedBeforeTitle();
    const words = await titleOf(first);
    const { run: second, shown } = await endedBeforeTitle({ threadId: first.threadId });
    expect(shown).toEqual([]);
    expect(await titleOf(second)).toBe(words);
    writeTitles({ steps: [{ text: 'Sales by region' }] });
    await endedOnceTitled('Sales by region', { threadId: first.threadId });
  });

  it('are a title like any other once a person has chosen them', async () => {
    const { run: first } = await endedBeforeTitle();
    await updateThread(harness.sql, harness.actor, first.threadId, { title: await titleOf(first) });
    const before = harness.model.requests.length;
    await ended(await harness.start(answer, { threadId: first.threadId }));
    expect(titleRequests(before)).toHaveLength(0);
  });

  it('stay for good where the model answered and had no title to give', async () => {
    writeTitles({ steps: [{ text: '""' }] });
    const { run: first } = await endedOnceTitled(/^\[\[scenario:/);
    const before = harness.model.requests.length;
    await ended(await harness.start(answer, { threadId: first.threadId }));
    expect(titleRequests(before)).toHaveLength(0);
  });
});

describe('a title that a person gave', () => {
  it('is kept, and no model is asked', async () => {
    const { id } = await createThread(harness.sql, harness.actor, { title: 'Mine' });
    const before = harness.model.requests.length;
    const { run, shown } = await ended(await harness.start(answer, { threadId: id }));
    expect(await titleOf(run)).toBe('Mine');
    expect(shown).toEqual([]);
    expect(titleRequests(before)).toHaveLength(0);
  });

  it('is kept when it came while the model was writing one', async () => {
    writeTitles({ steps: [{ text: 'Never' }], faults: [{ kind: 'stall', afterChunks: 0 }] });
    const before = harness.model.requests.length;
    const slow = slowTool();
    const started = await harness.start({
      turns: [{ steps: [{ toolCall: { name: 'slow', arguments: { text: 'x' } } }], usage }, ...answer.turns],
    });
    const ending = ended(started, { ...workerWith(harness, slow.tool), titleTimeoutMs });
    await slow.started();
    await vi.waitFor(() => expect(titleRequests(before)).toHaveLength(1));
    await updateThread(harness.sql, harness.actor, started.thread.id, { title: 'Mine' });
    slow.release();
    const { run, shown } = await ending;
    expect(await titleOf(run)).toBe('Mine');
    expect(shown).toEqual([]);
  });
});
