import { foldMessage } from '@switchyard/agent/test';
import { createToolset } from '@switchyard/agent';
import type { RunReason } from '@switchyard/protocol';
import type { Scenario } from '@switchyard/stand-ins';
import { readRun, requestCancel, type StartRunOptions } from '@switchyard/store';
import { allTools } from '@switchyard/tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executeRun } from '../src/execute-run.ts';
import { chunksOfLog, type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { entryOf, ways } from './model-ways.ts';
import { echo, failing } from './test-tools.ts';

type Turn = Scenario['turns'][number];
const say = (text: string, more: Partial<Turn> = {}): Turn => ({ steps: [{ text }], ...more });
const call = (name: string, input: Record<string, unknown> | string): Turn => ({
  steps: [{ toolCall: { name, arguments: input } }],
});
const plan = (...statuses: string[]): Turn =>
  call('todo', { todos: statuses.map((status, index) => ({ text: `item ${index + 1}`, status })) });
const complete = (more: Record<string, unknown> = {}): Turn =>
  call('complete', { summary: 'All is done.', ...more });
const cut = say('more ', { finishReason: 'length' });

const echoAsText = '<tool_call name="echo">\n<parameter name="text">a</parameter>\n</tool_call>';

interface Row {
  /** What the model, or somebody else, does. */
  readonly what: string;
  readonly turns: readonly Turn[];
  readonly limits?: StartRunOptions['limits'];
  /** Requested as soon as the model is asked. */
  readonly isCancelled?: boolean;
  /** Of calls that are text alone. */
  readonly tools?: 'xml';
  /** Requests of one step at most. */
  readonly maxAttempts?: number;
  readonly reason: RunReason;
  readonly steps: number;
  /** Notices that stand in the message. */
  readonly notices?: readonly string[];
}

/** Every way in which a run ends. Why each rule is as it is stands with `decideAfter`, `nudgeBefore` and `findRepetition`. */
const rows: readonly Row[] = [
  { what: 'calls complete', turns: [complete()], reason: 'finished', steps: 1 },
  {
    what: 'calls complete while its plan is open, and then says why',
    turns: [plan('done', 'open'), complete(), complete({ unfinished: 'No key.' })],
    reason: 'finished',
    steps: 3,
  },
  { what: 'asks', turns: [call('ask', { question: 'Which one?' })], reason: 'asked', steps: 1 },
  { what: 'answers plainly', turns: [say('Hello.')], reason: 'answered', steps: 1 },
  {
    what: 'answers plainly after a call',
    turns: [call('echo', { text: 'a' }), say('It says a.')],
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'answers plainly with a plan that is done',
    turns: [plan('done', 'done'), say('Done.')],
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'answers plainly while its plan is open, and completes when it is told',
    turns: [plan('done', 'in-progress'), say('Now I will do item 2.'), plan('done', 'done'), complete()],
    reason: 'finished',
    steps: 4,
    notices: ['open-todos'],
  },
  {
    what: 'answers plainly while its plan is open, twice',
    turns: [plan('open'), say('I stop.'), say('I really stop.'), say('Never asked.')],
    reason: 'answered',
    steps: 3,
    notices: ['open-todos'],
  },
  {
    what: 'reaches its output limit, and goes on',
    turns: [cut, cut, cut, say('end')],
    reason: 'answered',
    steps: 4,
  },
  { what: 'reaches its output limit for ever', turns: [cut, cut, cut, cut], reason: 'model-error', steps: 4 },
  { what: 'says nothing', turns: [{ steps: [] }], maxAttempts: 2, reason: 'model-error', steps: 0 },
  {
    what: 'is filtered',
    turns: [say('a', { finishReason: 'content_filter' })],
    reason: 'content-filter',
    steps: 1,
  },
  {
    what: 'ends with a word that nobody knows',
    turns: [say('a', { finishReason: 'novel_reason' })],
    reason: 'answered',
    steps: 1,
  },
  {
    what: 'ends with a word for a failure of its server, and again',
    turns: [say('a', { finishReason: 'network_error' })],
    maxAttempts: 2,
    reason: 'model-error',
    steps: 1,
  },
  {
    what: 'fails in mid-answer, and then answers',
    turns: [{ steps: [{ text: ['a', 'b'] }], faults: [{ kind: 'error', afterChunks: 1, times: 1 }] }],
    reason: 'answered',
    steps: 1,
  },
  {
    what: 'fails in mid-answer, and again',
    turns: [{ steps: [{ text: ['a', 'b'] }], faults: [{ kind: 'error', afterChunks: 1 }] }],
    maxAttempts: 2,
    reason: 'model-error',
    steps: 1,
  },
  {
    what: 'is interrupted, its stream closed without last words, and then answers',
    turns: [{ steps: [{ text: ['a', 'b'] }], faults: [{ kind: 'close', afterChunks: 1, times: 1 }] }],
    reason: 'answered',
    steps: 1,
  },
  {
    what: 'is interrupted, its stream closed without last words, and again',
    turns: [{ steps: [{ text: ['a', 'b'] }], faults: [{ kind: 'close', afterChunks: 1 }] }],
    maxAttempts: 2,
    reason: 'model-error',
    steps: 1,
  },
  {
    what: 'refuses the request',
    turns: [say('a', { faults: [{ kind: 'status', status: 401 }] })],
    reason: 'model-error',
    steps: 0,
  },
  {
    what: 'calls what cannot be parsed, and then answers',
    turns: [call('echo', '{"text": '), say('I see.')],
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'writes a call behind words on their line, and then answers',
    turns: [say(`I do it: ${echoAsText}`), say('I see.')],
    tools: 'xml',
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'writes a call in a form that is not read, and then answers',
    turns: [say('<function=echo>{"text": "a"}</function>'), say('I see.')],
    tools: 'xml',
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'makes up the result of its call, and then answers',
    turns: [say(`${echoAsText}\n<tool_result name="echo">b</tool_result>\nIt says b.`), say('It says a.')],
    tools: 'xml',
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'is cut in a fence, and quotes a call when it goes on',
    turns: [say('So:\n```xm', { finishReason: 'length' }), say(`l\n${echoAsText}\n\`\`\``)],
    tools: 'xml',
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'calls a tool that there is not, and then answers',
    turns: [call('fly', { to: 'x' }), say('I see.')],
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'repeats itself inside a call, and then answers',
    turns: [call('echo', { text: 'One line of a file.\n'.repeat(5000) }), say('I see.')],
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'makes the same call for ever',
    turns: Array.from({ length: 8 }, () => call('echo', { text: 'a' })),
    reason: 'stuck',
    steps: 6,
    notices: ['same-result'],
  },
  {
    what: 'meets the same error for ever',
    turns: Array.from({ length: 8 }, (_, index) => call('failing', { text: `${index}` })),
    reason: 'stuck',
    steps: 6,
    notices: ['same-error'],
  },
  {
    what: 'has used its steps',
    turns: [call('echo', { text: 'a' }), call('echo', { text: 'b' }), call('echo', { text: 'c' })],
    limits: { maxSteps: 2 },
    reason: 'step-limit',
    steps: 2,
  },
  {
    what: 'has used its steps, and its plan is open',
    turns: [plan('open'), say('I stop.')],
    limits: { maxSteps: 2 },
    reason: 'answered',
    steps: 2,
  },
  {
    what: 'has used its time',
    turns: [{ steps: [{ text: 'a' }, { stall: true }] }],
    limits: { maxDurationMs: 1000 },
    reason: 'time-limit',
    steps: 1,
  },
  {
    what: 'has used its tokens',
    turns: [{ ...call('echo', { text: 'a' }), usage: { inputTokens: 90_000, outputTokens: 10 } }, say('b')],
    limits: { maxTokens: 100_000 },
    reason: 'budget',
    steps: 1,
  },
  {
    what: 'reaches the end of its tokens in its answer',
    turns: [{ ...cut, usage: { inputTokens: 4000, outputTokens: 5800 } }, say('b')],
    limits: { maxTokens: 10_000 },
    reason: 'budget',
    steps: 1,
  },
  {
    what: 'has used its money',
    turns: [{ ...call('echo', { text: 'a' }), usage: { inputTokens: 90_000, outputTokens: 10 } }, say('b')],
    limits: { maxCostUsd: 1 },
    reason: 'budget',
    steps: 1,
  },
  {
    what: 'is refused as too long twice',
    turns: [say('a', { faults: [{ kind: 'context-length' }] })],
    reason: 'context-overflow',
    steps: 0,
  },
  {
    what: 'is cancelled while it speaks',
    turns: [{ steps: [{ text: 'a' }, { stall: true }] }],
    isCancelled: true,
    reason: 'cancelled',
    steps: 1,
  },
];

const statusOf = (reason: RunReason): string => {
  if (reason === 'cancelled') return 'cancelled';
  return ['finished', 'asked', 'answered'].includes(reason) ? 'completed' : 'failed';
};
/** A failed stream that ended with `finish` would be shown as a success. */
const lastChunkOf: Readonly<Record<string, string>> = {
  completed: 'finish',
  cancelled: 'abort',
  failed: 'error',
};

let harness: Harness;
beforeAll(async () => {
  const price = { input: 10, cachedInput: 1, output: 100 };
  const catalog = ways.map((way) => entryOf(way, { price }));
  harness = await startHarness([], { catalog });
  const ending = allTools.filter(({ name }) => ['complete', 'ask', 'todo'].includes(name));
  harness = { ...harness, worker: { ...harness.worker, tools: createToolset([echo, failing, ...ending]) } };
});
afterAll(async () => {
  await harness.stop();
});

async function cancelOnceItSpeaks(runId: string): Promise<void> {
  const kinds = async () => (await chunksOfLog(harness.redis, runId)).map(({ type }) => type);
  await expect.poll(kinds, { timeout: 20_000 }).toContain('text-delta');
  await requestCancel(harness.sql, harness.actor, runId);
}

describe.each(ways)('over $wire with $tools calls, a run whose model', ({ wire, tools }) => {
  it.each(rows.filter((row) => row.tools === undefined || row.tools === tools))(
    '$what: $reason',
    async (row) => {
      const { retry } = harness.worker;
      const worker = {
        ...harness.worker,
        retry: { ...retry, maxAttempts: row.maxAttempts ?? retry.maxAttempts },
      };
      const started = await harness.start(
        { turns: [...row.turns] },
        { model: `scripted:${wire}-${tools}`, ...(row.limits ? { limits: row.limits } : {}) },
      );
      const { id } = started.run;
      const executing = executeRun(worker, jobOf(started));
      if (row.isCancelled) await cancelOnceItSpeaks(id);
      await executing;

      const ended = await readRun(harness.sql, harness.actor, id);
      const status = statusOf(row.reason);
      expect(ended).toMatchObject({ status, reason: row.reason, steps: row.steps });
      // Whatever fails says why.
      expect(ended.error === null).toBe(status !== 'failed');
      const chunks = await chunksOfLog(harness.redis, id);
      const message = await storedMessage(harness, ended);
      expect(await foldMessage(chunks)).toEqual(message);
      expect(chunks.at(-1)?.type).toBe(lastChunkOf[status]);
      expect(message.metadata).toMatchObject({ status, reason: row.reason });
      const notices = message.parts.flatMap((part) => (part.type === 'data-notice' ? [part.data.code] : []));
      expect(notices).toEqual(row.notices ?? []);
      const open = message.parts.filter((part) => 'state' in part && part.state === 'input-available');
      expect(open).toEqual([]);
    },
  );
});

describe('a model that is told that its plan is open', () => {
  it('reads it behind its own answer, and is not asked to go on where it was cut', async () => {
    const before = harness.model.requests.length;
    const started = await harness.start(
      { turns: [plan('open'), say('Now item 1.'), plan('done'), complete()] },
      { model: 'scripted:chat-native' },
    );
    await executeRun(harness.worker, jobOf(started));
    const [, , told] = harness.model.requests.slice(before);
    const messages = (told?.body.messages ?? []) as { role: string; content: unknown }[];
    expect(messages.slice(-2)).toMatchObject([
      { role: 'assistant', content: 'Now item 1.' },
      { role: 'user', content: expect.stringMatching(/^You stopped, and items of your plan are still open/) },
    ]);
  });
});
