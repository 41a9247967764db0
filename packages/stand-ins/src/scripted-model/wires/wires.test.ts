import { describe, expect, onTestFinished, test } from 'vitest';
import type { Fault } from '../scenario.ts';
import { type ScriptedModel, startScriptedModel } from '../start-scripted-model.ts';
import { sealed } from './seal.ts';

async function start(scenarios: NonNullable<Parameters<typeof startScriptedModel>[0]>['scenarios']) {
  const model = await startScriptedModel({ idPrefix: 'x', ...(scenarios ? { scenarios } : {}) });
  onTestFinished(model.stop);
  return model;
}

function post(model: ScriptedModel, path: string, body: object): Promise<Response> {
  return fetch(`${model.url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'any', ...body }),
  });
}

interface SentEvent {
  readonly type: string;
  readonly index?: number;
  readonly sequence_number?: number;
  readonly [member: string]: unknown;
}

/** The events of a stream whose frames all name their type twice, as both vendors send them. */
async function eventsOf(response: Response): Promise<SentEvent[]> {
  const frames = (await response.text()).split('\n\n').filter((frame) => frame !== '');
  return frames.map((frame) => {
    const [, event, data] = /^event: (\S+)\ndata: (.*)$/.exec(frame) ?? [];
    const parsed = JSON.parse(data ?? 'null') as SentEvent;
    expect(parsed.type).toBe(event);
    return parsed;
  });
}

const talk = {
  talk: {
    turns: [
      {
        steps: [
          { reasoning: ['Hm', 'm.'] },
          { text: ['Look', 'ing.'] },
          { toolCall: { name: 'shell', arguments: { command: 'ls' }, pieces: 2 } },
          { toolCall: { name: 'shell', arguments: { command: 'pwd' } } },
        ],
        usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens: 5 },
      },
      { steps: [{ text: 'Done.' }], finishReason: 'length' },
    ],
  },
};

describe('the Responses wire', () => {
  const first = { role: 'user', content: [{ type: 'input_text', text: '[[scenario:talk]]' }] };
  const include = ['reasoning.encrypted_content'];

  test('streams items one after the other, and answers the same whole', async () => {
    const model = await start(talk);
    const body = { input: [first], include, store: false };
    const events = await eventsOf(await post(model, 'responses', { ...body, stream: true }));
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_event, at) => at));
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.delta',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ]);
    const response = events.at(-1)?.['response'] as { output: object[]; usage: object };
    expect(response.output).toMatchObject([
      { type: 'reasoning', encrypted_content: sealed('Hmm.'), summary: [{ text: 'Hmm.' }] },
      { type: 'message', content: [{ text: 'Looking.' }] },
      { type: 'function_call', name: 'shell', arguments: '{"command":"ls"}', call_id: 'call_x1' },
      { type: 'function_call', arguments: '{"command":"pwd"}', call_id: 'call_x2' },
    ]);
    expect(response.usage).toMatchObject({ input_tokens: 9, input_tokens_details: { cached_tokens: 4 } });
    const whole = (await (await post(model, 'responses', body)).json()) as typeof response;
    expect(whole.output).toHaveLength(4);
    expect(whole).toMatchObject({ status: 'completed', usage: response.usage });
  });

  test('takes the turn that belongs to the items, and refuses what OpenAI refuses', async () => {
    const model = await start(talk);
    const call = { type: 'function_call', call_id: 'c', name: 'shell', arguments: '{}' };
    const result = { type: 'function_call_output', call_id: 'c', output: 'ok' };
    const reasoning = { type: 'reasoning', id: 'rs_1', encrypted_content: sealed('a'), summary: [] };
    const ask = (...input: object[]) => post(model, 'responses', { input: [first, ...input], store: false });
    const good = await ask(reasoning, { role: 'assistant', content: 'a' }, call, result);
    expect(await good.json()).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
    expect((await ask(call)).status).toBe(400);
    expect((await ask(result)).status).toBe(400);
    expect((await ask({ ...reasoning, encrypted_content: 'other' }, call, result)).status).toBe(400);
    expect((await ask(call, result, reasoning)).status).toBe(400);
    expect((await ask(reasoning, first)).status).toBe(400);
    expect((await ask({ ...reasoning, encrypted_content: null }, call, result)).status).toBe(404);
  });
});

describe('the Messages wire', () => {
  const first = { role: 'user', content: '[[scenario:talk]]' };
  const common = { max_tokens: 100 };

  test('streams blocks one after the other, and answers the same whole', async () => {
    const model = await start(talk);
    const body = { ...common, messages: [first] };
    const events = await eventsOf(await post(model, 'messages', { ...body, stream: true }));
    expect(events.map(({ type, index }) => (index === undefined ? type : `${type} ${index}`))).toEqual([
      'message_start',
      'ping',
      'content_block_start 0',
      'content_block_delta 0',
      'content_block_delta 0',
      'content_block_delta 0',
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_delta 1',
      'content_block_delta 1',
      'content_block_stop 1',
      'content_block_start 2',
      'content_block_delta 2',
      'content_block_delta 2',
      'content_block_stop 2',
      'content_block_start 3',
      'content_block_delta 3',
      'content_block_stop 3',
      'message_delta',
      'message_stop',
    ]);
    expect(events.at(-2)).toMatchObject({
      delta: { stop_reason: 'tool_use' },
      usage: { input_tokens: 5, cache_read_input_tokens: 4, output_tokens: 5 },
    });
    expect(await (await post(model, 'messages', body)).json()).toMatchObject({
      stop_reason: 'tool_use',
      content: [
        { type: 'thinking', thinking: 'Hmm.', signature: sealed('Hmm.') },
        { type: 'text', text: 'Looking.' },
        { type: 'tool_use', id: 'call_x3', name: 'shell', input: { command: 'ls' } },
        { type: 'tool_use', id: 'call_x4', input: { command: 'pwd' } },
      ],
    });
  });

  test('takes the turn that belongs to the messages, and refuses what Anthropic refuses', async () => {
    const model = await start(talk);
    const call = { type: 'tool_use', id: 'c', name: 'shell', input: {} };
    const result = { type: 'tool_result', tool_use_id: 'c', content: 'ok' };
    const thinking = { type: 'thinking', thinking: 'a', signature: sealed('a') };
    const ask = (assistant: object[], ...user: object[]) =>
      post(model, 'messages', {
        ...common,
        messages: [first, { role: 'assistant', content: assistant }, { role: 'user', content: user }],
      });
    expect(await (await ask([thinking, call], result)).json()).toMatchObject({ stop_reason: 'max_tokens' });
    expect((await ask([call], { type: 'text', text: 'x' })).status).toBe(400);
    expect((await ask([{ type: 'text', text: ' \n' }, call], result)).status).toBe(400);
    const blank = { ...result, content: [{ type: 'text', text: '' }] };
    expect((await ask([thinking, call], blank)).status).toBe(400);
    const open = { ...common, messages: [first, { role: 'assistant', content: 'And then' }] };
    expect(await (await post(model, 'messages', open)).text()).toContain('must end with a user message');
    expect((await ask([{ ...thinking, thinking: 'b' }, call], result)).status).toBe(400);
    expect(await (await ask([thinking], { type: 'text', text: 'x' })).text()).toContain(
      'cannot be `thinking`',
    );
    expect((await post(model, 'messages', { messages: [first] })).status).toBe(400);
    const planned = [first, { role: 'assistant', content: [call] }, { role: 'user', content: [result] }];
    const thinks = { type: 'enabled', budget_tokens: 1024 };
    const unplanned = await post(model, 'messages', { ...common, thinking: thinks, messages: planned });
    expect(await unplanned.text()).toContain('Expected `thinking`');
  });
});

describe('each wire', () => {
  const bodies = {
    'chat/completions': { messages: [{ role: 'user', content: '[[scenario:it]]' }] },
    responses: { input: '[[scenario:it]]' },
    messages: { max_tokens: 9, messages: [{ role: 'user', content: '[[scenario:it]]' }] },
  };

  test.each([
    ['chat/completions', { error: { code: 'context_length_exceeded', param: 'messages' } }],
    ['responses', { error: { code: 'context_length_exceeded', param: 'input' } }],
    ['messages', { type: 'error', error: { type: 'invalid_request_error', message: 'too long' } }],
  ] as const)('refuses what is too long in its own words: %s', async (path, body) => {
    const faults = [{ kind: 'context-length', message: 'too long' } as const];
    const model = await start({ it: { turns: [{ steps: [] }], faults } });
    const response = await post(model, path, bodies[path]);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject(body);
  });

  test.each(['chat/completions', 'responses', 'messages'] as const)(
    'cuts its bytes, ends its lines and comments as told: %s',
    async (path) => {
      const style = { lineEnd: 'crlf', comments: true, bytesPerWrite: 3 } as const;
      const model = await start({ it: { turns: [{ steps: [{ text: 'Grüße 😀' }], style }] } });
      const text = await (await post(model, path, { ...bodies[path], stream: true })).text();
      expect(text).toContain('Grüße 😀');
      expect(text.replaceAll('\r\n', '')).not.toContain('\n');
      expect(text.startsWith(': keep-alive\r\n\r\n')).toBe(true);
    },
  );

  test.each(['chat/completions', 'responses', 'messages'] as const)(
    'may end after any event of its stream: %s',
    async (path) => {
      const model = await start({ it: { turns: [{ steps: [{ text: ['a', 'b'] }] }] } });
      const stream = async () => await (await post(model, path, { ...bodies[path], stream: true })).text();
      const whole = (await stream()).split(/(?<=\n\n)/);
      expect(model.requests[0]).toMatchObject({ chunks: 2, frames: whole.length });
      for (let afterFrames = 0; afterFrames <= whole.length; afterFrames += 1) {
        const faults = [{ kind: 'close', afterFrames } as const];
        model.setScenario('it', { turns: [{ steps: [{ text: ['a', 'b'] }], faults }] });
        expect((await stream()).split(/(?<=\n\n)/).filter((frame) => frame !== '')).toHaveLength(afterFrames);
        expect(model.requests.at(-1)?.frames).toBe(afterFrames);
      }
    },
  );

  test.each(['chat/completions', 'responses', 'messages'] as const)(
    'breaks a whole answer where its stream would have had so many events: %s',
    async (path) => {
      const model = await start({ it: { turns: [{ steps: [{ text: 'a' }] }] } });
      const ask = async (fault: Fault) => {
        model.setScenario('it', { turns: [{ steps: [{ text: 'a' }], faults: [fault] }] });
        return await post(model, path, bodies[path]);
      };
      await expect(ask({ kind: 'cut', afterFrames: 1 })).rejects.toThrow('fetch failed');
      expect((await ask({ kind: 'error', afterFrames: 0 })).status).toBe(500);
      expect((await ask({ kind: 'cut', afterFrames: 99 })).status).toBe(200);
    },
  );

  test.each(['chat/completions', 'responses', 'messages'] as const)(
    'fails in mid-stream and in place of a whole answer: %s',
    async (path) => {
      const faults = [{ kind: 'error', afterChunks: 1, is: 'overloaded', message: 'Overloaded' } as const];
      const model = await start({ it: { turns: [{ steps: [{ text: ['a', 'b'] }], faults }] } });
      const streamed = await (await post(model, path, { ...bodies[path], stream: true })).text();
      expect(streamed).toContain('"a"');
      expect(streamed).not.toContain('"b"');
      expect(streamed).toContain('Overloaded');
      const whole = await post(model, path, bodies[path]);
      expect([whole.status, await whole.text()]).toEqual([529, expect.stringContaining('Overloaded')]);
    },
  );
});

test('the chat wire refuses two messages of a person or of the model in a row, as some templates do', async () => {
  const model = await start({ it: { turns: [{ steps: [{ text: 'a' }] }] } });
  const ask = async (...roles: string[]) => {
    const messages = roles.map((role) => ({ role, content: '[[scenario:it]]' }));
    return (await post(model, 'chat/completions', { messages })).status;
  };
  expect(await ask('system', 'user')).toBe(200);
  expect(await ask('user', 'assistant', 'user')).toBe(200);
  expect(await ask('system', 'user', 'user')).toBe(400);
  expect(await ask('user', 'assistant', 'assistant', 'user')).toBe(400);
});

test('the chat wire writes calls as the style says', async () => {
  const steps = [
    { toolCall: { name: 'a', arguments: { n: 1 }, pieces: 3 } },
    { toolCall: { name: 'b', arguments: { n: 2 } } },
  ];
  const style = { calls: 'whole', callIds: 'missing', callIndex: 'zero' } as const;
  const model = await start({ it: { turns: [{ steps, style, usage: 'absent', finishReason: 'stop' }] } });
  const text = await (
    await post(model, 'chat/completions', {
      messages: [{ role: 'user', content: '[[scenario:it]]' }],
      stream: true,
      stream_options: { include_usage: true },
    })
  ).text();
  const deltas = [...text.matchAll(/"tool_calls":(\[.*?\])\},"finish/g)].map(([, list]) => list);
  expect(deltas).toEqual([
    '[{"index":0,"type":"function","function":{"name":"a","arguments":"{\\"n\\":1}"}}]',
    '[{"index":0,"type":"function","function":{"name":"b","arguments":"{\\"n\\":2}"}}]',
  ]);
  expect(text).toContain('"finish_reason":"stop"');
  expect(text).not.toContain('usage');
});

test.each([
  ['responses', 'function_call_arguments.delta', '"arguments":"{\\"n\\":2}"', 'output_index'],
  ['messages', 'input_json_delta', '"input":{"n":2}', 'index'],
] as const)(
  'the wire of %s writes calls at once and indices as the style says',
  async (path, delta, call, index) => {
    const steps = [
      { text: 'a' },
      { toolCall: { name: 'a', arguments: { n: 1 }, pieces: 3 } },
      { toolCall: { name: 'b', arguments: { n: 2 } } },
    ];
    const style = { calls: 'whole', callIndex: 'zero' } as const;
    const model = await start({ it: { turns: [{ steps, style }] } });
    const said = '[[scenario:it]]';
    const body = {
      responses: { input: said },
      messages: { max_tokens: 9, messages: [{ role: 'user', content: said }] },
    };
    const text = await (await post(model, path, { ...body[path], stream: true })).text();
    expect(text).not.toContain(delta);
    expect(text).toContain(call);
    const indices = [...text.matchAll(new RegExp(`"${index}":(\\d+)`, 'g'))].map(([, found]) => found);
    expect(new Set(indices)).toEqual(new Set(['0']));
  },
);
