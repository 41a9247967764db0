import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CallEvent } from './call-event.ts';
import { createCallParser } from './parse-calls.ts';
import { writeCall } from './write-calls.ts';

/** The events for a text that comes in these pieces, adjacent texts and values merged. */
function eventsOf(pieces: readonly string[]): CallEvent[] {
  const parser = createCallParser();
  const merged: CallEvent[] = [];
  for (const event of [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]) {
    const last = merged.at(-1);
    if ((event.type === 'text' || event.type === 'value') && last?.type === event.type) {
      merged[merged.length - 1] = { type: event.type, text: last.text + event.text };
    } else merged.push(event);
  }
  return merged;
}

interface ReadCall {
  readonly name: string;
  readonly input: Record<string, string>;
  readonly body: string;
}

function read(...pieces: string[]): { text: string; calls: ReadCall[]; isCut: boolean } {
  const calls: { name: string; input: Record<string, string>; body: string }[] = [];
  let text = '';
  let open: { name: string; input: Record<string, string> } | null = null;
  let parameter = '';
  let isCut = false;
  for (const event of eventsOf(pieces)) {
    if (event.type === 'text') text += event.text;
    else if (event.type === 'call') open = { name: event.name ?? '', input: {} };
    else if (event.type === 'cut') isCut = true;
    else if (event.type === 'parameter') {
      parameter = event.name;
      if (open) open.input[parameter] = '';
    } else if (event.type === 'value') {
      if (open) open.input[parameter] += event.text;
    } else if (event.type === 'call-end' && open) calls.push({ ...open, body: event.body });
  }
  return { text, calls, isCut };
}

const shell = (command: string) =>
  `<tool_call name="shell">\n<parameter name="command">${command}</parameter>\n</tool_call>`;

describe('calls in a text', () => {
  it('are read with the text around them', () => {
    const { text, calls } = read(`I look.\n\n${shell('ls -la')}\n${shell('echo "<b>" && true')}\n`);
    expect(text).toBe('I look.');
    expect(calls.map(({ input }) => input)).toEqual([
      { command: 'ls -la' },
      { command: 'echo "<b>" && true' },
    ]);
  });

  it('may follow each other on one line, and be without parameters', () => {
    const { calls } = read(`<tool_call name="a"></tool_call><tool_call name="b">\n</tool_call>`);
    expect(calls).toEqual([
      { name: 'a', input: {}, body: '' },
      { name: 'b', input: {}, body: '' },
    ]);
  });

  it('may have any name', () => {
    const { calls } = read('<tool_call name="wait"><parameter name="wait">wait</parameter></tool_call>');
    expect(calls).toEqual([{ name: 'wait', input: { wait: 'wait' }, body: '' }]);
  });

  it('keep what stands between their parameters apart', () => {
    const { calls } = read('<tool_call name="a">{"x": 1 < 2}</tool_call>');
    expect(calls).toEqual([{ name: 'a', input: {}, body: '{"x": 1 < 2}' }]);
  });

  it.each([
    ['a value of several lines', '\nfirst\n  second\n', 'first\n  second'],
    ['CDATA word for word', '<![CDATA[\n a <b> & </parameter>\n]]>', '\n a <b> & </parameter>\n'],
    ['CDATA with space around it', '\n  <![CDATA[x]]>\n', 'x'],
    ['CDATA in two parts', '<![CDATA[a]]]]><![CDATA[>b]]>', 'a]]>b'],
    ['CDATA whose end stands in the value', '<![CDATA[if (a[b[0]]>1) {}]]>', 'if (a[b[0]]>1) {}'],
    [
      'a call inside a value',
      '<![CDATA[<tool_call name="shell">\n</tool_call>]]>',
      '<tool_call name="shell">\n</tool_call>',
    ],
    ['nothing', '', ''],
    ['entities, which are not decoded', '&lt;b&gt; &amp;', '&lt;b&gt; &amp;'],
  ])('take %s', (_case, written, value) => {
    expect(read(shell(written)).calls.map(({ input }) => input)).toEqual([{ command: value }]);
  });

  it.each([
    ['a code fence', '```xml\n' + shell('rm -rf /') + '\n```\nDone.'],
    ['a fence of waves', '~~~~\n' + shell('rm') + '\n~~~\n' + shell('rm') + '\n~~~~~\n'],
    ['the middle of a line', 'Write ' + shell('rm') + ' to remove.'],
    ['code in a line', '`<tool_call name="shell">`\n'],
    ['a quotation', '> <tool_call name="shell">\n> </tool_call>'],
    ['an indented block', 'So:\n    <tool_call name="shell">\n    </tool_call>'],
    ['quotes', '"<tool_call name="shell">\n</tool_call>"'],
    ['a tag that is another', '<tool_calls>\n<tool_call-x name="a">\n</tool_call>'],
  ])('are not run when they stand in %s', (_place, text) => {
    expect(read(text)).toEqual({ text, calls: [], isCut: false });
  });

  it('are run again after a fence was closed', () => {
    expect(read('```\nx\n```\n' + shell('ls')).calls).toHaveLength(1);
  });

  it('end the text: the results that a model invents are dropped', () => {
    const { text, calls } = read(
      `${shell('ls')}\n<tool_result name="shell">a.txt</tool_result>\nI see a.txt.`,
    );
    expect([text, calls.length]).toEqual(['', 1]);
  });

  it('that are not finished are cut, wherever it was', () => {
    const whole = `Hi.\n${shell('<![CDATA[a]]>')}`;
    const begin = '<tool_call name="shell">'.length + 'Hi.\n'.length;
    for (let length = begin; length < whole.length; length += 1) {
      expect(read(whole.slice(0, length))).toMatchObject({ text: 'Hi.', calls: [], isCut: true });
    }
  });
});

const alphabet = [
  '<tool_call name="',
  'shell',
  '">',
  '</tool_call>',
  '<parameter name="',
  '</parameter>',
  '<![CDATA[',
  ']]>',
  '<tool_result',
  '```',
  '~~~',
  '\n',
  '\r\n',
  '   ',
  ' ',
  '<',
  '>',
  ']',
  '"',
  '`',
  'a',
  '{',
  'é',
  '😀',
];
const wild = fc
  .array(fc.oneof(fc.constantFrom(...alphabet), fc.string({ maxLength: 3 })), { maxLength: 30 })
  .map((parts) => parts.join(''));
/** Half of them nearly well-formed, so that every state is reached. */
const written = fc
  .tuple(wild, fc.dictionary(fc.constantFrom('a', 'b'), wild), wild)
  .map(([before, input, after]) => `${before}\n${writeCall('shell', input)}${after}`);

describe('for any text', () => {
  it('every way of cutting it gives the same', () => {
    const texts = fc.oneof(wild, written);
    fc.assert(
      fc.property(texts, fc.array(fc.nat({ max: 200 }), { maxLength: 12 }), (text, cuts) => {
        const at = [...new Set([0, ...cuts.map((cut) => Math.min(cut, text.length)), text.length])].toSorted(
          (left, right) => left - right,
        );
        const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
        const whole = eventsOf([text]);
        expect(eventsOf(pieces)).toEqual(whole);
        expect(eventsOf(Array.from({ length: text.length }, (_, index) => text.charAt(index)))).toEqual(
          whole,
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('a call that was written is read back with the same values', () => {
    const inputs = fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), wild, { maxKeys: 4 });
    fc.assert(
      fc.property(inputs, (input) => {
        const { calls } = read(`Text.\n${writeCall('shell', input)}\n`);
        expect(calls).toEqual([{ name: 'shell', input: { ...input }, body: '' }]);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['line ends', '\n'],
    ['beginnings of tags', '\n<tool_call name="'],
    ['ends of values', ']]>'],
    ['space', ' '],
    ['signs of tags', '<'],
    ['tags in mid-line', 'a <tool_call name="b"> '],
    ['thoughts', '<think>\n<tool_call name="b">\n</think>\n'],
    ['fences', '```\n</tool_call>\n'],
  ])('the work grows with its length: %s', (_what, unit) => {
    const timeOf = (characters: number) => {
      const count = Math.ceil(characters / unit.length);
      const text = `<tool_call name="a"><parameter name="b"><![CDATA[${unit.repeat(count)}`;
      const before = process.cpuUsage();
      for (const body of [unit.repeat(count), text]) {
        const parser = createCallParser();
        for (let at = 0; at < body.length; at += 7) parser.push(body.slice(at, at + 7));
        parser.end();
      }
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    timeOf(8000);
    // Eight times the text: eight times the work, and sixty-four if it were quadratic.
    const [short, long] = [timeOf(50_000), timeOf(400_000)];
    expect(long / Math.max(short, 1)).toBeLessThan(40);
  });
});
