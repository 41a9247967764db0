import { foldMessage } from '@switchyard/agent/test';
import { type ModelEntry, type ModelWire, scriptedModel } from '@switchyard/protocol';
import type { Scenario } from '@switchyard/stand-ins';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunksOfLog, execute, type Harness, startHarness, storedMessage } from './harness.ts';
import { complete, echo } from './test-tools.ts';

const entry = (wire: ModelWire, fallback: string | null, price: number): ModelEntry => ({
  ...scriptedModel,
  id: `scripted:${wire}`,
  aliases: [],
  wire,
  model: wire,
  reasoning: wire === 'chat' ? 'sent-back' : 'sealed',
  price: { input: price, cachedInput: price, output: price },
  fallback,
});

let harness: Harness;
beforeAll(async () => {
  const catalog = [
    entry('responses', 'scripted:messages', 1),
    entry('messages', 'scripted:chat', 2),
    entry('chat', 'scripted:responses', 4),
  ];
  harness = await startHarness([echo, complete], { catalog });
});
afterAll(async () => {
  await harness.stop();
});

const call = (text: string) => ({
  steps: [
    { reasoning: `Thinking of ${text}.` },
    { text },
    { toolCall: { name: 'echo', arguments: { text } } },
  ],
  usage: { inputTokens: 1_000_000, outputTokens: 0 },
});
const last = { steps: [{ text: 'Done.' }], usage: { inputTokens: 1_000_000, outputTokens: 0 } };

async function run(scenario: Scenario, model = 'scripted:responses') {
  const before = harness.model.requests.length;
  const started = await harness.start(scenario, { model });
  const worker = { ...harness.worker, retry: { ...harness.worker.retry, maxAttempts: 2 } };
  const ended = await execute(harness, started, worker);
  const chunks = await chunksOfLog(harness.redis, ended.id);
  const message = await storedMessage(harness, ended);
  expect(await foldMessage(chunks)).toEqual(message);
  const requests = harness.model.requests.slice(before);
  const writers = message.parts.flatMap((part) => (part.type === 'data-model' ? [part.data.model] : []));
  return { ended, requests, writers, asked: requests.map(({ wire, status }) => `${wire} ${status}`) };
}

/** Faults that are used up by the model of that wire, since each model is asked twice. */
const twice = (status: number) => ({ kind: 'status', status, times: 2 }) as const;

describe('a model whose provider has too much to do', () => {
  it('is left at once for its fallback in mid-run, without what is bound to it, and paid by who answered', async () => {
    const faults = [{ kind: 'status', status: 529, times: 1 } as const];
    const { ended, asked, writers, requests } = await run({
      turns: [call('one'), { ...call('two'), faults }, last],
    });
    expect(ended).toMatchObject({ reason: 'answered', steps: 3, costUsd: 1 + 2 + 2 });
    expect(asked).toEqual(['responses 200', 'responses 529', 'messages 200', 'messages 200']);
    expect(writers).toEqual(['scripted:messages', 'scripted:messages']);
    // The first step was OpenAI's: its reasoning stays there. The second is Anthropic's own.
    expect(requests[2]?.text).not.toMatch(/Thinking of one|encrypted/);
    expect(requests[2]?.text).toContain('"type":"tool_result"');
    expect(requests[2]?.text).toContain('"thinking":{"type":"disabled"}');
    expect(requests[3]?.text).toContain('"thinking":{"type":"enabled"');
    expect(requests[3]?.text).not.toContain('Thinking of one');
    expect(requests[3]?.text).toContain('Thinking of two');
    expect(requests[3]?.text).toContain('"signature"');
  });

  it('is left after as many attempts as are allowed, from one wire to the next', async () => {
    const { ended, asked } = await run({
      turns: [call('one'), { ...call('two'), faults: [twice(500), twice(503)] }, last],
    });
    expect(ended).toMatchObject({ reason: 'answered', costUsd: 1 + 4 + 4 });
    expect(asked).toEqual([
      'responses 200',
      'responses 500',
      'responses 500',
      'messages 503',
      'messages 503',
      'chat 200',
      'chat 200',
    ]);
  });

  it('is left in mid-answer, and what it had shown is withdrawn', async () => {
    const faults = [{ kind: 'error', afterChunks: 2, is: 'overloaded', times: 1 } as const];
    const { ended, asked, writers } = await run({ turns: [{ ...call('one'), faults }, last] });
    expect(ended).toMatchObject({ reason: 'answered', steps: 2 });
    expect(asked).toEqual(['responses 200', 'messages 200', 'messages 200']);
    expect(writers).toEqual(['scripted:messages', 'scripted:messages']);
  });

  it('fails the run when every fallback fails too, each asked once in turn', async () => {
    const faults = [{ kind: 'status', status: 529 } as const];
    const { ended, asked } = await run({ turns: [{ ...last, faults }] });
    expect(ended).toMatchObject({ reason: 'model-error', error: { code: 'model_failed' }, costUsd: 0 });
    expect(asked).toEqual(['responses 529', 'messages 529', 'chat 529', 'chat 529']);
  });
});

describe('a model that refuses a request', () => {
  it.each(['scripted:responses', 'scripted:messages', 'scripted:chat'])(
    'is not asked again, and no other in its place: %s',
    async (model) => {
      const { ended, asked } = await run({ turns: [{ ...last, faults: [twice(400)] }] }, model);
      expect(ended.reason).toBe('model-error');
      expect(asked).toHaveLength(1);
    },
  );

  it.each(['scripted:responses', 'scripted:messages', 'scripted:chat'])(
    'as too long ends the run for that reason: %s',
    async (model) => {
      const message = 'prompt is too long: 9 tokens > 8 maximum';
      const faults = [{ kind: 'context-length', message } as const];
      const { ended, asked } = await run({ turns: [{ ...last, faults }] }, model);
      expect(ended).toMatchObject({
        status: 'failed',
        reason: 'context-overflow',
        steps: 0,
        error: { code: 'context_overflow' },
      });
      // The request for a summary is refused as well.
      expect(asked).toHaveLength(2);
    },
  );
});
