import { createToolset, defineTool } from '@switchyard/agent';
import { foldMessage } from '@switchyard/agent/test';
import type { SwitchyardMessage } from '@switchyard/protocol';
import type { Scenario } from '@switchyard/stand-ins';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { chunksOfLog, execute, type Harness, startHarness, storedMessage } from './harness.ts';
import { entryOf, type ModelWay, ways } from './model-ways.ts';

type Turn = Scenario['turns'][number];

/** The calls that were executed, by run. */
const executed = new Map<string, string[]>();
const note = defineTool({
  name: 'note',
  description: 'Writes a text down.',
  inputSchema: z.object({ text: z.string() }),
  effect: 'once',
  needs: 'outside',
  execute: async ({ text }, { runId }) => {
    executed.set(runId, [...(executed.get(runId) ?? []), text]);
    return { outcome: 'ok', output: { noted: text } };
  },
});

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([], { catalog: ways.map((way) => entryOf(way)) });
  harness = { ...harness, worker: { ...harness.worker, tools: createToolset([note]) } };
});
afterAll(async () => {
  await harness.stop();
});

const call = (text: string, pieces: number) => ({
  toolCall: { name: 'note', arguments: { text }, pieces },
});
const calling: Turn = {
  steps: [{ reasoning: ['Hm', 'm.'] }, { text: ['Grü', 'ße 😀'] }, call('ä < b', 4), call('c', 2)],
  usage: { inputTokens: 1000, outputTokens: 100 },
};
const last: Turn = { steps: [{ text: 'Done.' }], usage: { inputTokens: 10, outputTokens: 1 } };
const counted = { inputTokens: 1010, outputTokens: 101 };

/** What of a message does not differ from run to run. */
function told({ parts }: SwitchyardMessage): unknown[] {
  return parts.map((part) => {
    if (part.type === 'text' || part.type === 'reasoning') return [part.type, part.text];
    return 'toolCallId' in part ? [part.type, part.state, part.input, 'output' in part && part.output] : part;
  });
}
const whole = [
  { type: 'step-start' },
  ['reasoning', 'Hmm.'],
  ['text', 'Grüße 😀'],
  ['tool-note', 'output-available', { text: 'ä < b' }, { noted: 'ä < b' }],
  ['tool-note', 'output-available', { text: 'c' }, { noted: 'c' }],
  { type: 'step-start' },
  ['text', 'Done.'],
];

async function run({ wire, tools }: ModelWay, turn: Turn, worker = harness.worker) {
  const started = await harness.start({ turns: [turn, last] }, { model: `scripted:${wire}-${tools}` });
  const ended = await execute(harness, started, worker);
  const chunks = await chunksOfLog(harness.redis, ended.id);
  const message = await storedMessage(harness, ended);
  expect(await foldMessage(chunks)).toEqual(message);
  return {
    ended,
    parts: told(message),
    executed: executed.get(ended.id),
    hasWithdrawn: chunks.some(({ type }) => type === 'reset-step'),
    failures: harness.logged.filter(({ runId, msg }) => runId === ended.id && msg === 'model failed').length,
  };
}

/** The run as it is when nothing happens. */
const unharmed = {
  ended: { status: 'completed', reason: 'answered', steps: 2, usage: counted },
  parts: whole,
  executed: ['ä < b', 'c'],
};

/** How many events the stream of the calling answer has. */
async function countFrames(way: ModelWay): Promise<number> {
  const before = harness.model.requests.length;
  expect(await run(way, calling)).toMatchObject({ ...unharmed, hasWithdrawn: false, failures: 0 });
  const frames = harness.model.requests[before]?.frames ?? 0;
  expect(frames).toBeGreaterThan(10);
  return frames;
}

type Shape = readonly [string, Partial<Turn>];

/** Shapes in which servers were seen to write an answer. */
const shapes: readonly Shape[] = [
  ['cut at every byte', { style: { bytesPerWrite: 1 } }],
  ['with comments and CRLF', { style: { comments: true, lineEnd: 'crlf' } }],
  ['with all of it at once', { style: { bytesPerWrite: 1, comments: true, lineEnd: 'crlf' } }],
  ['that stops with its calls', { finishReason: 'stop' }],
  ['that says of a text that it has calls', { finishReason: 'tool_calls' }],
  ['in chunks of one character', { steps: letterByLetter(calling.steps) }],
];

/** Of calls that are no text. */
const nativeShapes: readonly Shape[] = [
  ['with whole calls', { style: { calls: 'whole' } }],
  ['with index 0 each', { style: { callIndex: 'zero' } }],
  ['with whole calls of index 0 each', { style: { calls: 'whole', callIndex: 'zero' } }],
  ['with calls without ids', { style: { callIds: 'missing' } }],
  [
    'with whole calls without ids and indices',
    { style: { calls: 'whole', callIds: 'missing', callIndex: 'missing' } },
  ],
];

/** Of calls that are text, as models were seen to write them. */
const textShapes: readonly Shape[] = Object.entries({
  'with values as they stand': (text: string) =>
    `<tool_call name="note">\n<parameter name="text">${text}</parameter>\n</tool_call>\n`,
  'with values on lines of their own': (text: string) =>
    `<tool_call name="note">\n<parameter name="text">\n${text}\n</parameter>\n</tool_call>\n\n`,
  'with calls on one line': (text: string) =>
    `<tool_call name="note"><parameter name="text"><![CDATA[${text}]]></parameter></tool_call>`,
  'with other quotes and attributes': (text: string) =>
    `<tool_call id=1 name='note' >\n<parameter type="string" name = "text">${text}</parameter>\n</tool_call>\n`,
  'with calls as JSON': (text: string) =>
    `<tool_call>\n${JSON.stringify({ name: 'note', arguments: { text } })}\n</tool_call>\n`,
  'with inputs as JSON': (text: string) => `<tool_call name="note">{"text": "${text}"}</tool_call>\n`,
}).flatMap(([shape, write]): Shape[] => {
  const [reasoning, said] = calling.steps;
  const steps = [reasoning, said, { text: ['\n', write('ä < b'), write('c')] }].flatMap((step) => step ?? []);
  return [
    [shape, { steps }],
    [`${shape}, in chunks of one character`, { steps: letterByLetter(steps) }],
    [`${shape}, cut at every byte`, { steps, style: { bytesPerWrite: 1 } }],
  ];
});

const shapesOf = ({ tools }: ModelWay): readonly Shape[] => [
  ...shapes,
  ...(tools === 'native' ? nativeShapes : textShapes),
];

/** Characters of two code units come in halves, and the tags of calls that are text in letters. */
function letterByLetter(steps: Turn['steps']): Turn['steps'] {
  return steps.map((step) => {
    if ('toolCall' in step) return { toolCall: { ...step.toolCall, pieces: 1000 } };
    if ('text' in step) return { text: [step.text].flat().join('').split('') };
    return step;
  });
}

describe.each(ways)('over $wire with $tools calls', (way) => {
  it.each(['cut', 'close', 'error', 'stall'] as const)(
    'an answer is asked for again after a %s at any event of its stream, and nothing of the first is left',
    async (kind) => {
      const frames = await countFrames(way);
      // Long enough that a busy machine is not taken for a silent model.
      const deadlines = kind === 'stall' ? { firstChunkMs: 2000, chunkMs: 2000 } : harness.worker.deadlines;
      // A stream of chat that closes behind its finish reason is whole; see below.
      const isWholeBefore = kind === 'close' && way.wire === 'chat' ? 2 : 0;
      const results = await Promise.all(
        Array.from({ length: frames - isWholeBefore }, async (_, afterFrames) => {
          const faults = [{ kind, afterFrames, times: 1 }] as const;
          return await run(way, { ...calling, faults: [...faults] }, { ...harness.worker, deadlines });
        }),
      );
      for (const [afterFrames, result] of results.entries()) {
        const { usage } = result.ended;
        const estimated = result.hasWithdrawn || kind === 'stall';
        const ended = { ...unharmed.ended, usage: { estimated } };
        expect.soft(result, `after ${afterFrames}`).toMatchObject({ ...unharmed, ended, failures: 1 });
        // What was shown is paid for, beside what the second answer was counted with, and what we gave up.
        const isPaid = usage.inputTokens > counted.inputTokens;
        expect.soft(isPaid, `after ${afterFrames}`).toBe(result.hasWithdrawn || kind === 'stall');
        expect.soft(usage.outputTokens, `after ${afterFrames}`).toBeGreaterThanOrEqual(counted.outputTokens);
      }
      expect(results.filter(({ hasWithdrawn }) => hasWithdrawn).length).toBeGreaterThan(frames / 2);
    },
  );

  it.each(shapesOf(way))(
    'an answer %s is understood, and each of its calls is run once',
    async (_shape, more) => {
      expect(await run(way, { ...calling, ...more })).toMatchObject({
        ...unharmed,
        hasWithdrawn: false,
        failures: 0,
      });
    },
  );

  it('an answer whose usage is not told is estimated', async () => {
    const { ended, ...result } = await run(way, { ...calling, usage: 'absent' });
    expect(result).toMatchObject({ parts: whole, executed: unharmed.executed, failures: 0 });
    expect(ended).toMatchObject({ reason: 'answered', usage: { estimated: true } });
    // The Messages server says zeros, which are no count.
    expect(ended.usage.inputTokens).toBeGreaterThan(100);
    expect(ended.usage.outputTokens).toBeGreaterThan(5);
  });
});

it.each(ways.filter(({ wire }) => wire === 'chat'))(
  'over chat with $tools calls an answer whose stream closes behind its finish reason is whole, counted or not',
  async (way) => {
    const frames = await countFrames(way);
    const closedAfter = async (afterFrames: number) =>
      await run(way, { ...calling, faults: [{ kind: 'close', afterFrames }] });
    const ended = (estimated: boolean) => ({ ...unharmed.ended, usage: { estimated } });
    const asItIs = { ...unharmed, hasWithdrawn: false, failures: 0 };
    expect(await closedAfter(frames - 2)).toMatchObject({ ...asItIs, ended: ended(true) });
    expect(await closedAfter(frames - 1)).toMatchObject({ ...asItIs, ended: ended(false) });
  },
);
