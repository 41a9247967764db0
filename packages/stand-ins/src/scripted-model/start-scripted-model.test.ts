import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Scenario } from './scenario.ts';
import { type ScriptedModel, type ScriptedModelOptions, startScriptedModel } from './start-scripted-model.ts';

async function start(options: ScriptedModelOptions = {}): Promise<ScriptedModel> {
  const model = await startScriptedModel(options);
  onTestFinished(model.stop);
  return model;
}

function post(model: ScriptedModel, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${model.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'any', ...body }),
    ...(signal ? { signal } : {}),
  });
}

const asks = (text: string) => ({ messages: [{ role: 'user', content: text }] });

interface Delta {
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly {
    readonly index: number;
    readonly id?: string;
    readonly function: { readonly name?: string; readonly arguments: string };
  }[];
}
interface WireChunk {
  readonly id: string;
  readonly choices: readonly { readonly delta: Delta; readonly finish_reason: string | null }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

/** The chunks of a stream that must end by `[DONE]`. */
async function chunksOf(response: Response): Promise<WireChunk[]> {
  const frames = (await response.text()).split('\n\n').filter((frame) => frame !== '');
  expect(frames.at(-1)).toBe('data: [DONE]');
  return frames.slice(0, -1).map((frame) => JSON.parse(frame.slice('data: '.length)) as WireChunk);
}

const textOf = (chunks: readonly WireChunk[]) =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

const says = (...chunks: string[]): Scenario => ({ turns: [{ steps: [{ text: chunks }] }] });

describe('a scenario', () => {
  test('chosen by its directive is streamed in its own chunks', async () => {
    const model = await start({ scenarios: { greeting: says('Good', ' ', 'day') } });
    const chunks = await chunksOf(await post(model, { ...asks('x [[scenario:greeting]]'), stream: true }));
    const contents = chunks.flatMap(({ choices }) => choices[0]?.delta.content ?? []);
    expect(contents).toEqual(['', 'Good', ' ', 'day']);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });

  test('is chosen by text, model and message count, in the order of registration', async () => {
    const model = await start({
      scenarios: {
        byModel: { match: { model: 'special' }, ...says('model') },
        byCount: { match: { messageCount: 3 }, ...says('count') },
        byText: { match: { text: 'needle' }, ...says('text') },
      },
    });
    const answer = async (body: object) =>
      textOf(await chunksOf(await post(model, { stream: true, ...body })));
    expect(await answer({ ...asks('needle'), model: 'special' })).toBe('model');
    expect(await answer(asks('a needle here'))).toBe('text');
    const three = ['user', 'assistant', 'user'].map((role) => ({ role, content: 'needle' }));
    expect(await answer({ messages: three })).toBe('count');
  });

  test('takes the turn that belongs to the history, also when a request is repeated', async () => {
    const model = await start({
      scenarios: { talk: { turns: [says('one'), says('two')].flatMap(({ turns }) => turns) } },
    });
    const first = { role: 'user', content: '[[scenario:talk]]' };
    const answer = async (messages: object[]) =>
      textOf(await chunksOf(await post(model, { messages, stream: true })));
    expect(await answer([first])).toBe('one');
    const calls = [{ id: 'c', type: 'function', function: { name: 'look', arguments: '{}' } }];
    const one = { role: 'assistant', content: 'one', tool_calls: calls };
    const second = [first, one, { role: 'tool', tool_call_id: 'c', content: 'ok' }];
    expect(await answer(second)).toBe('two');
    expect(await answer(second)).toBe('two');
    expect(await answer([...second, { role: 'assistant', content: 'two' }])).toContain('has no turn 3');
    // A new question after the last turn is nobody's: the demo answers.
    const past = [...second, { role: 'assistant', content: 'two' }, { role: 'user', content: 'hello' }];
    expect(await answer(past)).toContain('scripted demo');
    expect(model.requests.map(({ scenario, turn }) => [scenario, turn])).toEqual([
      ['talk', 0],
      ['talk', 1],
      ['talk', 1],
      ['talk', 2],
      [null, null],
    ]);
  });

  test('calls tools side by side, their arguments cut over chunks', async () => {
    const model = await start({
      idPrefix: 'fixed',
      scenarios: {
        calls: {
          turns: [
            {
              steps: [
                { reasoning: 'Hm.' },
                { toolCall: { name: 'shell', arguments: { command: 'ls -la' }, pieces: 4 } },
                { toolCall: { name: 'broken', arguments: '{"not json', id: 'own-id' } },
              ],
            },
          ],
        },
      },
    });
    const chunks = await chunksOf(await post(model, { ...asks('[[scenario:calls]]'), stream: true }));
    const calls = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    const text = (index: number) =>
      calls
        .filter((call) => call.index === index)
        .map((call) => call.function.arguments)
        .join('');
    expect(JSON.parse(text(0))).toEqual({ command: 'ls -la' });
    expect(calls.filter(({ index }) => index === 0)).toHaveLength(5);
    expect(text(1)).toBe('{"not json');
    expect(calls.flatMap(({ id }) => id ?? [])).toEqual(['call_fixed1', 'own-id']);
    expect(chunks[1]?.choices[0]?.delta.reasoning_content).toBe('Hm.');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');

    const whole = (await (await post(model, asks('[[scenario:calls]]'))).json()) as {
      choices: [{ finish_reason: string; message: { content: null; tool_calls: { id: string }[] } }];
    };
    expect(whole.choices[0].finish_reason).toBe('tool_calls');
    expect(whole.choices[0].message.content).toBeNull();
    expect(whole.choices[0].message.tool_calls.map(({ id }) => id)).toEqual(['call_fixed2', 'own-id']);
  });

  test('states its usage and finish reason, or has the usage estimated', async () => {
    const model = await start({
      scenarios: {
        stated: {
          turns: [
            {
              steps: [{ text: 'cut' }],
              finishReason: 'length',
              usage: { inputTokens: 11, cachedInputTokens: 5, outputTokens: 7 },
            },
          ],
        },
        estimated: says('x'.repeat(400)),
      },
    });
    const options = { stream: true, stream_options: { include_usage: true } };
    const stated = await chunksOf(await post(model, { ...asks('[[scenario:stated]]'), ...options }));
    expect(stated.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 11,
        completion_tokens: 7,
        total_tokens: 18,
        prompt_tokens_details: { cached_tokens: 5 },
      },
    });
    expect(stated.at(-2)?.choices[0]?.finish_reason).toBe('length');
    const short = await chunksOf(await post(model, { ...asks('[[scenario:estimated]]'), ...options }));
    const long = await chunksOf(
      await post(model, { ...asks(`[[scenario:estimated]] ${'word '.repeat(2000)}`), ...options }),
    );
    expect(short.at(-1)?.usage?.completion_tokens).toBe(100);
    expect(long.at(-1)?.usage?.prompt_tokens).toBeGreaterThan(2000);
    const without = await chunksOf(await post(model, { ...asks('[[scenario:stated]]'), stream: true }));
    expect(without.some(({ usage }) => usage !== undefined)).toBe(false);
  });

  test('that nobody registered is refused by name', async () => {
    const model = await start();
    const response = await post(model, asks('[[scenario:nowhere]]'));
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('nowhere');
  });

  test('is registered, read about and removed by another process over the control routes', async () => {
    const model = await start();
    const route = `${model.url}/scenarios/remote`;
    const put = await fetch(route, { method: 'PUT', body: JSON.stringify(says('from afar')) });
    expect(put.status).toBe(204);
    expect(textOf(await chunksOf(await post(model, { ...asks('[[scenario:remote]]'), stream: true })))).toBe(
      'from afar',
    );
    await chunksOf(await post(model, { ...asks('hello'), stream: true }));
    const log = await fetch(`${model.url}/requests?scenario=remote`, {
      headers: { authorization: 'Bearer x' },
    });
    const { requests } = (await log.json()) as {
      requests: { scenario: string; body: { messages: unknown[] } }[];
    };
    expect(requests.map(({ scenario }) => scenario)).toEqual(['remote']);
    expect((await fetch(route, { method: 'DELETE' })).status).toBe(204);
    expect((await post(model, asks('[[scenario:remote]]'))).status).toBe(400);
    const bad = await fetch(route, { method: 'PUT', body: JSON.stringify({ turns: 'none' }) });
    expect(bad.status).toBe(400);
  });
});

describe('a fault', () => {
  test('of 429 carries Retry-After and ends after its times', async () => {
    const model = await start({
      scenarios: {
        busy: {
          ...says('at last'),
          faults: [{ kind: 'status', status: 429, retryAfterSeconds: 2, times: 2 }],
        },
      },
    });
    const ask = () => post(model, { ...asks('[[scenario:busy]]'), stream: true });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const refused = await ask();
      expect(refused.status).toBe(429);
      expect(refused.headers.get('retry-after')).toBe('2');
      expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error' } });
    }
    expect(textOf(await chunksOf(await ask()))).toBe('at last');
    expect(model.requests.map(({ status }) => status)).toEqual([429, 429, 200]);
  });

  test('of 500 without times never ends', async () => {
    const model = await start({
      scenarios: { down: { ...says('never'), faults: [{ kind: 'status', status: 500 }] } },
    });
    for (let attempt = 0; attempt < 4; attempt += 1) {
      expect((await post(model, asks('[[scenario:down]]'))).status).toBe(500);
    }
  });

  test('cuts the stream after its chunks', async () => {
    const model = await start({
      scenarios: {
        frail: { ...says('a', 'b', 'c', 'd'), faults: [{ kind: 'cut', afterChunks: 2, times: 1 }] },
      },
    });
    const ask = () => post(model, { ...asks('[[scenario:frail]]'), stream: true });
    const cut = await ask();
    let seen = '';
    const decoder = new TextDecoder();
    await expect(async () => {
      for await (const piece of cut.body ?? []) seen += decoder.decode(piece, { stream: true });
    }).rejects.toThrow(/terminated/);
    expect(seen.match(/"content":"(.)"/g)).toEqual(['"content":"a"', '"content":"b"']);
    expect(seen).not.toContain('[DONE]');
    expect(textOf(await chunksOf(await ask()))).toBe('abcd');
    expect(model.requests[0]?.abortedAt).toBeNull();
  });

  test('stalls after its chunks until the client goes away, and the log says when', async () => {
    const model = await start({
      scenarios: { silent: { ...says('a', 'b'), faults: [{ kind: 'stall', afterChunks: 1 }] } },
    });
    const aborting = new AbortController();
    const response = await post(model, { ...asks('[[scenario:silent]]'), stream: true }, aborting.signal);
    const reader = response.body?.getReader();
    const first = new TextDecoder().decode((await reader?.read())?.value);
    expect(first).toContain('"content":"a"');
    expect(model.requests[0]?.abortedAt).toBeNull();
    aborting.abort();
    await vi.waitFor(() => expect(model.requests[0]?.abortedAt).toBeGreaterThan(0));
    expect(model.requests[0]).toMatchObject({ chunks: 1, endedAt: null });
  });

  test('that stalls from the beginning does not even answer headers', async () => {
    const model = await start({
      scenarios: { mute: { ...says('a'), faults: [{ kind: 'stall', afterChunks: 0 }] } },
    });
    const aborting = new AbortController();
    const pending = post(model, { ...asks('[[scenario:mute]]'), stream: true }, aborting.signal);
    await vi.waitFor(() => expect(model.requests).toHaveLength(1));
    aborting.abort();
    await expect(pending).rejects.toThrow(/abort/);
    await vi.waitFor(() => expect(model.requests[0]?.abortedAt).toBeGreaterThan(0));
    expect(model.requests[0]?.firstByteAt).toBeNull();
  });

  test('of one turn leaves the others alone', async () => {
    const model = await start({
      scenarios: {
        talk: {
          turns: [{ steps: [{ text: 'one' }] }, { steps: [], faults: [{ kind: 'status', status: 503 }] }],
        },
      },
    });
    const first = { role: 'user', content: '[[scenario:talk]]' };
    expect((await post(model, { messages: [first] })).status).toBe(200);
    const second = await post(model, { messages: [first, { role: 'assistant', content: 'one' }] });
    expect(second.status).toBe(503);
  });
});

test('a step that stalls holds what came before it back from nobody', async () => {
  const model = await start({
    scenarios: { pause: { turns: [{ steps: [{ text: 'seen' }, { stall: true }, { text: 'unseen' }] }] } },
  });
  const aborting = new AbortController();
  const response = await post(model, { ...asks('[[scenario:pause]]'), stream: true }, aborting.signal);
  const chunk = await response.body?.getReader().read();
  expect(new TextDecoder().decode(chunk?.value)).toContain('seen');
  aborting.abort();
});

test('delays keep their order and are kept', async () => {
  const model = await start({
    scenarios: {
      slow: {
        turns: [{ steps: [{ text: ['a', 'b'], delayMs: 30 }, { delayMs: 30 }, { repeat: 'c', times: 3 }] }],
      },
    },
  });
  const before = performance.now();
  expect(textOf(await chunksOf(await post(model, { ...asks('[[scenario:slow]]'), stream: true })))).toBe(
    'abccc',
  );
  expect(performance.now() - before).toBeGreaterThan(80);
  expect(model.requests[0]?.chunks).toBe(5);
});

test('the demo policy answers what no scenario is for, with the configured pauses', async () => {
  const model = await start({ demoDelayMs: 2 });
  const chunks = await chunksOf(await post(model, { ...asks('hello'), stream: true }));
  expect(textOf(chunks)).toContain('not a language model');
  expect(chunks.length).toBeGreaterThan(5);
  const answer = (await (await post(model, asks('hello'))).json()) as {
    choices: [{ message: { content: string } }];
  };
  expect(answer.choices[0].message.content).toBe(textOf(chunks));
});

test('requests are kept up to a number, with their headers and times', async () => {
  const model = await start({ scenarios: { short: says('x') }, maxRequests: 3 });
  for (let count = 0; count < 5; count += 1) await (await post(model, asks('[[scenario:short]]'))).text();
  expect(model.requests.map(({ number }) => number)).toEqual([3, 4, 5]);
  const last = model.requests.at(-1);
  expect(last?.headers['content-type']).toBe('application/json');
  expect(last?.endedAt).toBeGreaterThanOrEqual(last?.receivedAt ?? Infinity);
});

test('models are listed, and what is not a request is refused', async () => {
  const model = await start();
  expect(await (await fetch(`${model.url}/v1/models`)).json()).toMatchObject({
    data: [{ id: 'scripted-demo' }],
  });
  expect((await fetch(`${model.url}/v1/nothing`)).status).toBe(404);
  expect((await post(model, { messages: [] })).status).toBe(400);
  const bad = await fetch(`${model.url}/v1/chat/completions`, { method: 'POST', body: '{' });
  expect(bad.status).toBe(400);
});
