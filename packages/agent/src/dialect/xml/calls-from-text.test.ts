import type { ModelMessage } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTextCalls } from '../../../test/text-calls.ts';
import { continueText } from '../../nudge.ts';

let textCalls: Awaited<ReturnType<typeof startTextCalls>>;
beforeAll(async () => {
  textCalls = await startTextCalls();
});
afterAll(async () => {
  await textCalls.stop();
});

const ask = async (...asked: Parameters<typeof textCalls.ask>) => await textCalls.ask(...asked);

it('values are read as what the tool takes there', async () => {
  const input = {
    path: 'a.txt',
    text: '1\n</parameter>\n"é"',
    count: 12,
    deep: { on: true },
    mode: 'append',
  };
  const steps = [{ text: 'Writing.' }, { toolCall: { name: 'write', arguments: input, pieces: 40 } }];
  const { inputs, calls, text, outcome } = await ask({ steps });
  expect(inputs).toEqual([input]);
  expect(calls).toMatchObject([{ toolName: 'write', problem: null }]);
  expect(text).toBe('Writing.');
  expect(outcome).toMatchObject({ outcome: 'complete', finishReason: 'tool-calls' });
});

it('a text that looks like a number stays a text, and a number that is none is refused by the schema', async () => {
  const call = (count: string) => ({
    text: `<tool_call name="write"><parameter name="path">12</parameter><parameter name="count">${count}</parameter></tool_call>`,
  });
  expect((await ask({ steps: [call('7')] })).inputs).toEqual([{ path: '12', count: 7 }]);
  const { calls } = await ask({ steps: [call('many')] });
  expect(calls[0]?.problem).toMatch(/not valid.*count/);
});

it('several calls have ids of their own, and a long value is shown while it comes', async () => {
  const lines = Array.from({ length: 20 }, (_, line) => `line ${line}\n`);
  const begin =
    '<tool_call name="write">\n<parameter name="path">a</parameter>\n<parameter name="text"><![CDATA[';
  const end = ']]></parameter>\n</tool_call>\n';
  const { calls, shown, inputs } = await ask({ steps: [{ text: [begin, ...lines, end, begin, end] }] });
  expect(new Set(calls.map(({ callId }) => callId)).size).toBe(2);
  expect(inputs).toEqual([
    { path: 'a', text: lines.join('') },
    { path: 'a', text: '' },
  ]);
  expect(shown.filter(({ type }) => type === 'tool-input-delta').length).toBeGreaterThan(20);
});

it('a call that the output limit cut is not run', async () => {
  const text = 'So:\n<tool_call name="write">\n<parameter name="path">a</parameter>\n<parameter name="te';
  const { calls, text: said, outcome } = await ask({ steps: [{ text }], finishReason: 'length' });
  expect(calls).toMatchObject([{ toolName: 'write', problem: expect.stringContaining('cut off') }]);
  expect(said).toBe('So:');
  expect(outcome).toMatchObject({ finishReason: 'length' });
});

it('a model that writes what is shown only when it is whole is not silent', async () => {
  const lines = Array.from({ length: 12 }, (_, line) => `line ${line}`);
  const toolCall = { name: 'write', arguments: { path: 'a', lines }, pieces: 15 };
  const { outcome, inputs } = await ask({ steps: [{ toolCall, delayMs: 100 }] }, [], 500);
  expect(outcome).toMatchObject({ outcome: 'complete' });
  expect(inputs).toEqual([{ path: 'a', lines }]);
});

it('an input that is JSON in the place of parameters is taken, and anything else goes back', async () => {
  const body = (text: string) => ({ steps: [{ text: `<tool_call name="write">${text}</tool_call>` }] });
  expect((await ask(body('{"path": "a"}'))).inputs).toEqual([{ path: 'a' }]);
  expect((await ask(body('path = a'))).calls[0]?.problem).toMatch(/neither parameters nor one JSON object/);
});

const writeOf = (text: string) =>
  `<tool_call name="write">\n<parameter name="path">a</parameter>\n<parameter name="text">${text}</parameter>\n</tool_call>`;
const quoted = '<tool_call name="write">\n<parameter name="path">quoted</parameter>\n</tool_call>';
const quotedWithCdata =
  '<tool_call name="write">\n<parameter name="path"><![CDATA[quoted]]></parameter>\n</tool_call>';

describe('what is written in another way', () => {
  it.each([
    ['with other quotes', `<tool_call name='write'><parameter name='path'>a</parameter></tool_call>`],
    [
      'with space in its tags',
      `<tool_call name="write" >\n<parameter  name = "path">a</parameter>\n</tool_call>`,
    ],
    ['without quotes', '<tool_call name=write><parameter name=path>a</parameter></tool_call>'],
    [
      'with more attributes',
      '<tool_call id="1" name="write"><parameter name="path" type="string">a</parameter></tool_call>',
    ],
    ['as JSON in the place of parameters', '<tool_call name="write">{"path": "a"}</tool_call>'],
    ['as JSON with its name', '<tool_call>\n{"name": "write", "arguments": {"path": "a"}}\n</tool_call>'],
    [
      'as JSON with its name, and its parameters',
      '<tool_call>{"name": "write", "parameters": {"path": "a"}}</tool_call>',
    ],
    [
      'as JSON in JSON',
      `<tool_call>{"name": "write", "arguments": ${JSON.stringify('{"path": "a"}')}}</tool_call>`,
    ],
  ])('is run: %s', async (_way, text) => {
    const answer = await ask({ steps: [{ text: [`I write.\n${text}`, '\n'] }] });
    expect(answer).toMatchObject({ run: [{ path: 'a' }], problems: [], text: 'I write.' });
    const letters = await ask({ steps: [{ text: text.split('') }] });
    expect(letters).toMatchObject({ run: [{ path: 'a' }], problems: [] });
  });

  it.each([
    ['no name', '<tool_call>\n{"arguments": {"path": "a"}}\n</tool_call>'],
    ['JSON that is none', '<tool_call>\n{"name": "write", "arguments": {"path": "a}\n</tool_call>'],
    ['an input that is no object', '<tool_call>{"name": "write", "arguments": 5}</tool_call>'],
    ['an empty name', '<tool_call name="">\n<parameter name="path">a</parameter>\n</tool_call>'],
    ['a tag that never ends', '<tool_call name="write"\n<parameter name="path">a</parameter>\n</tool_call>'],
    ['a parameter without a name', '<tool_call name="write">\n<parameter>a</parameter>\n</tool_call>'],
    ['other parameters', '<tool_call name="write">\n<path>a</path>\n</tool_call>'],
    ['another tag', '<function=write>{"path": "a"}</function>'],
    [
      'another tag in it',
      '<tool_call>\n<function=write>\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>',
    ],
    ['words before it on its line', `I do it: ${quoted}`],
    ['thoughts around it that never end', `<think>\nI do it.\n${quoted}\nDone.`],
  ])('goes back as an error that shows the form: %s', async (_way, text) => {
    for (const pieces of [[text], text.split('')]) {
      const { run, problems, outcome } = await ask({ steps: [{ text: pieces }] });
      expect({ run, problems, outcome }).toMatchObject({
        run: [],
        problems: [expect.stringContaining('<tool_call name="')],
        outcome: { outcome: 'complete', finishReason: 'tool-calls' },
      });
    }
  });

  it('is run at the beginning of a text that follows thoughts', async () => {
    const steps = [{ text: 'I write.' }, { reasoning: 'Hm.' }, { text: quoted }];
    expect(await ask({ steps })).toMatchObject({ run: [{ path: 'quoted' }], text: 'I write.' });
  });

  it.each([
    ['of a tool that there is not', 'Write: <tool_call name="thing">\n</tool_call> and so on.'],
    ['without an end', 'Write the <tool_call name="write"> form.'],
    ['in code', `Write \`${quoted}\`.`],
    ['in quotes', `Write "${quoted}".`],
    ['in a quotation', `> So: ${quoted}`],
  ])('is talk in mid-line: %s', async (_place, text) => {
    expect(await ask({ steps: [{ text }] })).toMatchObject({ run: [], problems: [], text });
  });
});

describe('a call that is quoted is not run', () => {
  it.each([
    ['in a value as it stands', writeOf(`Two:\n${quoted}\n${quoted}\nend`)],
    [
      'in CDATA, with CDATA of its own',
      writeOf(`<![CDATA[Two:\n${quotedWithCdata}\n${quotedWithCdata}\n]]>`),
    ],
    [
      'behind the end of a value that stands in the value',
      writeOf(`a</parameter>\n</tool_call>\n${quoted}\nend`),
    ],
    ['in JSON', `<tool_call name="write">{"path": "</tool_call>${quoted}"}</tool_call>`],
    ['in a call that does not begin its line', `So: ${writeOf(`<![CDATA[\n${quotedWithCdata}\n]]>`)}`],
  ])('%s: all of it goes back', async (_place, text) => {
    for (const pieces of [[text], text.split('')]) {
      const { run, problems } = await ask({ steps: [{ text: pieces }, { text: `\n${quoted}` }] });
      expect(run).toEqual([]);
      expect(problems.length).toBeGreaterThan(0);
    }
  });

  it('in thoughts, whether or not the answer begins in them', async () => {
    const told = async (text: string) => await ask({ steps: [{ text }] });
    const own = quoted.replace('quoted', 'own');
    expect(await told(`<think>\nI could\n${quoted}\n</think>\n\n${own}`)).toMatchObject({
      run: [{ path: 'own' }],
      problems: [],
    });
    expect((await told(`I could\n${quoted}\n</think>\n\n${own}`)).run).toEqual([]);
  });

  it('in a fence of the answer that this one goes on', async () => {
    const cut: ModelMessage[] = [
      { role: 'assistant', content: 'So a call looks:\n```xm' },
      { role: 'user', content: continueText },
    ];
    const text = `l\n${quoted}\n\`\`\`\n`;
    expect((await ask({ steps: [{ text }] }, cut)).run).toEqual([]);
    const own = quoted.replace('quoted', 'own');
    expect((await ask({ steps: [{ text: `${text}${own}` }] }, cut)).run).toEqual([{ path: 'own' }]);
    const other: ModelMessage[] = [cut[0]!, { role: 'user', content: 'Write it.' }];
    expect((await ask({ steps: [{ text: own }] }, other)).run).toEqual([{ path: 'own' }]);
  });
});

it.each([
  ['behind', writeOf('one</parameter>two')],
  ['between', quoted.replace('</parameter>', '</parameter>and\n<parameter name="text">b</parameter>')],
  ['before', quoted.replace('<parameter', 'so <parameter')],
])(
  'a call with words %s its parameters was not read as it was meant, and goes back',
  async (_place, text) => {
    const { run, problems } = await ask({ steps: [{ text }] });
    expect({ run, problems }).toEqual({ run: [], problems: [expect.stringContaining('CDATA')] });
  },
);

describe('when the answer cannot go on to anything good', () => {
  const steps = (text: string) => [
    { text },
    ...Array.from({ length: 50 }, () => ({ text: 'more\n', delayMs: 50 })),
  ];
  it.each([
    [
      'a result that it made up',
      `${quoted}\n<tool_result name="write">ok</tool_result>\n`,
      [{ path: 'quoted' }],
    ],
    ['a call that cannot be read', `${quoted}\n${writeOf(quoted)}\n`, []],
  ])('nothing more is read behind %s', async (_what, text, run) => {
    const answer = await ask({ steps: steps(text) }, [], 5000);
    expect(answer).toMatchObject({ run, outcome: { outcome: 'complete', finishReason: 'tool-calls' } });
    await expect.poll(() => answer.log?.abortedAt).not.toBe(null);
    expect(answer.log?.chunks).toBeLessThan(30);
  });
});
