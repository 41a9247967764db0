import type { Scenario } from '@switchyard/stand-ins';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foldMessage } from '@switchyard/agent/test';
import { chunksOfLog, execute, type Harness, startHarness, storedMessage } from './harness.ts';
import { entryOf, ways } from './model-ways.ts';
import { complete, echo } from './test-tools.ts';

let harness: Harness;
let model = '';
beforeAll(async () => {
  const catalog = ways.map((way) => entryOf(way));
  harness = await startHarness([echo, complete], { catalog });
});
afterAll(async () => {
  await harness.stop();
});

async function run(scenario: Scenario, worker = harness.worker) {
  const before = harness.model.requests.length;
  const started = await harness.start(scenario, { model });
  const ended = await execute(harness, started, worker);
  const chunks = await chunksOfLog(harness.redis, ended.id);
  const message = await storedMessage(harness, ended);
  expect(await foldMessage(chunks)).toEqual(message);
  return { ended, chunks, message, requests: harness.model.requests.length - before };
}

const answer = { steps: [{ text: ['one ', 'two ', 'three'] }] };
const texts = (message: Awaited<ReturnType<typeof run>>['message']) =>
  message.parts.filter((part) => part.type === 'text').map(({ text }) => text);

describe.each(ways)('over $wire with $tools calls', ({ wire, tools }) => {
  beforeAll(() => {
    model = `scripted:${wire}-${tools}`;
  });

  it('a call is asked for and made as that model makes it', async () => {
    const call = { toolCall: { name: 'echo', arguments: { text: '<a> & "b"' } } };
    const { ended, message } = await run({ turns: [{ steps: [call] }, { steps: [{ text: 'ok' }] }] });
    expect(ended).toMatchObject({ reason: 'answered', steps: 2 });
    expect(message.parts).toContainEqual(expect.objectContaining({ output: { said: '<a> & "b"' } }));
    const sent = harness.model.requests.at(-1);
    expect(sent?.wire).toBe(wire);
    expect((sent?.body.tools ?? []).length).toBe(tools === 'xml' ? 0 : 2);
    expect(sent?.text.includes('<tool_result')).toBe(tools === 'xml');
  });

  it('a thread goes on after an answer that had nothing behind its reasoning', async () => {
    const worker = { ...harness.worker, retry: { ...harness.worker.retry, maxAttempts: 1 } };
    const empty = await harness.start(
      { turns: [{ steps: [{ reasoning: 'Hm.' }, { text: '\n\n' }] }] },
      { model },
    );
    expect(await execute(harness, empty, worker)).toMatchObject({ reason: 'model-error', steps: 1 });
    const next = await harness.start({ turns: [answer] }, { model, threadId: empty.thread.id });
    expect(await execute(harness, next, worker)).toMatchObject({ reason: 'answered' });
  });

  describe('a model that', () => {
    it('is too busy is asked again after the time that it names', async () => {
      const faults = [{ kind: 'status', status: 429, retryAfterSeconds: 0.05, times: 2 } as const];
      const { ended, message, requests } = await run({ turns: [{ ...answer, faults }] });
      expect(ended).toMatchObject({ status: 'completed', reason: 'answered', usage: { estimated: false } });
      expect(requests).toBe(3);
      expect(texts(message)).toEqual(['one two three']);
    });

    it('fails before its first token is asked again, but not for ever', async () => {
      const faults = [{ kind: 'status', status: 500 } as const];
      const worker = { ...harness.worker, retry: { ...harness.worker.retry, maxAttempts: 3 } };
      const { ended, chunks, requests } = await run({ turns: [{ ...answer, faults }] }, worker);
      expect(ended).toMatchObject({
        status: 'failed',
        reason: 'model-error',
        steps: 0,
        error: { code: 'model_failed' },
      });
      expect(ended.usage.totalTokens).toBe(0);
      expect(requests).toBe(3);
      expect(chunks.at(-1)).toEqual({ type: 'error', errorText: "The model's server failed (500)." });
    });

    it('refuses a request is not asked again', async () => {
      const faults = [{ kind: 'status', status: 400, message: 'bad key sk-abcdef123456' } as const];
      const { ended, requests } = await run({ turns: [{ ...answer, faults }] });
      expect(ended).toMatchObject({ status: 'failed', reason: 'model-error' });
      expect(ended.error?.detail).not.toContain('abcdef');
      expect(requests).toBe(1);
    });

    it('asks for more patience than we have is not waited for', async () => {
      const faults = [{ kind: 'status', status: 429, retryAfterSeconds: 3600 } as const];
      const { ended, requests } = await run({ turns: [{ ...answer, faults }] });
      expect(ended.reason).toBe('model-error');
      expect(requests).toBe(1);
    });

    it.each([1, 2, 3])(
      'is cut off after %i chunks is asked again, and what it had shown is withdrawn',
      async (afterChunks) => {
        const faults = [{ kind: 'cut', afterChunks, times: 1 } as const];
        const { ended, chunks, message, requests } = await run({ turns: [{ ...answer, faults }] });
        expect(ended).toMatchObject({ status: 'completed', reason: 'answered', usage: { estimated: true } });
        expect(texts(message)).toEqual(['one two three']);
        expect(chunks.filter(({ type }) => type === 'start-step')).toHaveLength(1);
        expect(chunks.some(({ type }) => type === 'reset-step')).toBe(true);
        expect(requests).toBe(2);
      },
    );

    it('keeps failing in mid-answer ends the run with what it said last', async () => {
      const faults = [{ kind: 'cut', afterChunks: 2 } as const];
      const worker = { ...harness.worker, retry: { ...harness.worker.retry, maxAttempts: 2 } };
      const { ended, message } = await run({ turns: [{ ...answer, faults }] }, worker);
      expect(ended).toMatchObject({ status: 'failed', reason: 'model-error', steps: 1 });
      expect(texts(message)).toEqual(['one two ']);
    });

    it.each([0, 2])('falls silent after %i chunks is given up and asked again', async (afterChunks) => {
      const faults = [{ kind: 'stall', afterChunks, times: 1 } as const];
      const worker = { ...harness.worker, deadlines: { firstChunkMs: 300, chunkMs: 300 } };
      const { ended, message } = await run({ turns: [{ ...answer, faults }] }, worker);
      expect(ended.reason).toBe('answered');
      expect(texts(message)).toEqual(['one two three']);
      const requests = harness.model.requests.slice(-2);
      expect(requests.map(({ abortedAt }) => abortedAt !== null)).toEqual([true, false]);
    });

    it('says nothing at all is asked again, then fails', async () => {
      const worker = { ...harness.worker, retry: { ...harness.worker.retry, maxAttempts: 2 } };
      const { ended, requests } = await run({ turns: [{ steps: [] }] }, worker);
      expect(ended).toMatchObject({ status: 'failed', reason: 'model-error' });
      expect(ended.error?.detail).toMatch(/empty answer/);
      expect(requests).toBe(2);
    });

    it('reaches its output limit goes on, three times at most', async () => {
      const cut = { steps: [{ text: 'more ' }], finishReason: 'length' as const };
      const whole = await run({ turns: [cut, cut, cut, { steps: [{ text: 'end' }] }] });
      expect(whole.ended).toMatchObject({ status: 'completed', reason: 'answered', steps: 4 });
      expect(texts(whole.message).join('')).toBe('more more more end');
      const endless = await run({ turns: [cut, cut, cut, cut] });
      expect(endless.ended).toMatchObject({ status: 'failed', reason: 'model-error', steps: 4 });
    });

    it('is filtered fails the run', async () => {
      const { ended } = await run({ turns: [{ steps: [{ text: 'a' }], finishReason: 'content_filter' }] });
      expect(ended).toMatchObject({ status: 'failed', reason: 'content-filter' });
    });
  });

  describe('a call that', () => {
    it('names an unknown tool goes back to the model as an error', async () => {
      const { ended, message, chunks } = await run({
        turns: [
          {
            steps: [
              { toolCall: { name: 'fly now', arguments: { to: 'x' } } },
              { toolCall: { name: 'echo', arguments: { text: 'y' } } },
            ],
          },
          { steps: [{ text: 'I see.' }] },
        ],
      });
      expect(ended).toMatchObject({ reason: 'answered', steps: 2 });
      expect(message.parts).toContainEqual(
        expect.objectContaining({
          type: 'dynamic-tool',
          state: 'output-error',
          errorText: expect.stringContaining('echo, complete'),
        }),
      );
      expect(chunks.filter(({ type }) => type === 'tool-output-available')).toHaveLength(1);
      const sent = harness.model.requests.at(-1)?.body.messages;
      expect(JSON.stringify(sent)).toContain('There is no tool');
    });

    it.each([
      ['is not JSON', '{"text": '],
      ['does not fit the schema', '{"text": 7}'],
      ['is no object', '[1]'],
    ])('%s goes back to the model as an error', async (_case, text) => {
      const { ended, message } = await run({
        turns: [
          { steps: [{ toolCall: { name: 'echo', arguments: text } }] },
          { steps: [{ text: 'I see.' }] },
        ],
      });
      expect(ended).toMatchObject({ reason: 'answered', steps: 2 });
      expect(message.parts).toContainEqual(
        expect.objectContaining({
          type: 'tool-echo',
          state: 'output-error',
          errorText: expect.stringMatching(/not valid|neither parameters nor one JSON object/),
        }),
      );
    });

    it('has the id of an earlier call gets one of its own', async () => {
      const call = (text: string) => ({ toolCall: { name: 'echo', arguments: { text }, id: 'same' } });
      const { ended, message } = await run({
        turns: [{ steps: [call('a'), call('b')] }, { steps: [call('c')] }, { steps: [{ text: 'ok' }] }],
      });
      expect(ended).toMatchObject({ reason: 'answered', steps: 3 });
      const outputs = message.parts.flatMap((part) =>
        part.type === 'tool-echo' && part.state === 'output-available' ? [part.output] : [],
      );
      expect(outputs).toEqual([{ said: 'a' }, { said: 'b' }, { said: 'c' }]);
    });

    it('completes beside one that failed does not end the run', async () => {
      const { ended } = await run({
        turns: [
          {
            steps: [
              { toolCall: { name: 'echo', arguments: '{' } },
              { toolCall: { name: 'complete', arguments: { text: 'done' } } },
            ],
          },
          { steps: [{ toolCall: { name: 'complete', arguments: { text: 'done' } } }] },
        ],
      });
      expect(ended).toMatchObject({ reason: 'finished', steps: 2 });
    });
  });

  describe('text of a model', () => {
    it('that cannot be stored is made storable, for viewers and store alike', async () => {
      const { message } = await run({
        turns: [{ steps: [{ text: ['a\u0000b', '\ud83d', '\ude00', '\udc00', 'c'] }] }],
      });
      expect(texts(message)).toEqual(['ab😀\ufffdc']);
    });
  });

  describe('limits', () => {
    it('a run that has used its steps fails for that reason', async () => {
      const call = { steps: [{ toolCall: { name: 'echo', arguments: { text: 'a' } } }] };
      const started = await harness.start({ turns: [call, call, call] }, { model, limits: { maxSteps: 2 } });
      const ended = await execute(harness, started);
      expect(ended).toMatchObject({ status: 'failed', reason: 'step-limit', steps: 2 });
      expect(await foldMessage(await chunksOfLog(harness.redis, ended.id))).toEqual(
        await storedMessage(harness, ended),
      );
    });

    it('a run that has used its time is cut', async () => {
      const started = await harness.start(
        { turns: [{ steps: [{ text: 'a' }, { stall: true }] }] },
        { model },
      );
      const ended = await execute(harness, started, { ...harness.worker, maxDurationMs: 300 });
      expect(ended).toMatchObject({
        status: 'failed',
        reason: 'time-limit',
        steps: 1,
        error: { code: 'time_limit' },
      });
      expect(await foldMessage(await chunksOfLog(harness.redis, ended.id))).toEqual(
        await storedMessage(harness, ended),
      );
    });
  });
});
