import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { problemOfMetadata } from './call-problem.ts';
import { createCallReader, type StreamPart } from './read-calls.ts';
import { writeCall } from './write-calls.ts';

interface RunCall {
  readonly name: string;
  readonly input: unknown;
}

type Tool = Parameters<typeof createCallReader>[0]['tools'][number];
const tools = ['write', 'shell', 'own'].map((name): Tool => ({
  type: 'function',
  name,
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
}));

/** The parts that are read out of a text that comes in these pieces. */
function partsOf(
  pieces: readonly string[],
  { continued = [], end = 'stop' }: { continued?: readonly string[]; end?: 'stop' | 'length' } = {},
): StreamPart[] {
  const reader = createCallReader({ tools, continued: continued.map((text) => [text]) });
  const usage = { inputTokens: {}, outputTokens: {} } as Extract<StreamPart, { type: 'finish' }>['usage'];
  const stream: StreamPart[] = [
    { type: 'text-start', id: '0' },
    ...pieces.map((delta): StreamPart => ({ type: 'text-delta', id: '0', delta })),
    { type: 'text-end', id: '0' },
    { type: 'finish', finishReason: { unified: end, raw: end }, usage },
  ];
  const parts: StreamPart[] = [];
  for (const part of stream) {
    if (!reader.isOver) parts.push(...reader.read(part));
  }
  return parts;
}

function callsIn(parts: readonly StreamPart[]): { run: RunCall[]; failed: string[] } {
  const calls = parts.filter((part) => part.type === 'tool-call');
  return {
    run: calls
      .filter(({ providerMetadata }) => problemOfMetadata(providerMetadata) === null)
      .map(({ toolName, input }) => ({ name: toolName, input: JSON.parse(input) as unknown })),
    failed: calls.flatMap(({ providerMetadata }) => problemOfMetadata(providerMetadata) ?? []),
  };
}

type Wrap = (text: string) => string;
const asItStands: Wrap = (text) => text;
const inCdata: Wrap = (text) => `<![CDATA[${text}]]>`;
const call = (name: string, value: string) =>
  `<tool_call name="${name}">\n<parameter name="text">${value}</parameter>\n</tool_call>`;
const hermes = (name: string, text: string) =>
  `<tool_call>\n${JSON.stringify({ name, arguments: { text } })}\n</tool_call>`;

const prose = fc.constantFrom(
  'So it is.',
  'a < b && c[d[0]]>1',
  '- one\n- two',
  '<b>bold</b>',
  '<feed><title><![CDATA[T]]></title></feed>',
  'Use <tool_call name="shell"> for it.',
  '`<![CDATA[`',
  '    indented',
  '<tool_result name="shell">made up</tool_result>',
  '```',
  '~~~ts\nx\n~~~',
  '',
);

/** Texts that quote calls of `shell`, which hold such texts themselves, written as a model writes that escapes nothing. */
const { quoting } = fc.letrec<{ quoting: string; quoted: string; line: string }>((tie) => ({
  quoting: fc
    .array(fc.oneof({ depthSize: 'small' }, prose, tie('quoted')), { minLength: 1, maxLength: 4 })
    .map((lines) => lines.join('\n')),
  quoted: fc
    .tuple(tie('quoting'), fc.constantFrom(asItStands, inCdata, inCdata))
    .chain(([text, wrap]) =>
      fc.constantFrom(
        call('shell', wrap(text)),
        call('shell', wrap('rm -rf /')),
        writeCall('shell', { text }),
        hermes('shell', text),
        `In a line: ${call('shell', wrap(text))}`,
        `<tool_call name='shell'><parameter name='text'>rm</parameter></tool_call>`,
      ),
    ),
  line: prose,
}));

/** What a value comes to: the line ends around one that stands as it is are no part of it. */
const valueOf = (text: string) => text.replace(/^\r?\n/, '').replace(/\r?\n$/, '');

describe('whatever a text quotes, and however deep,', () => {
  it.each([
    ['a value as it stands', (text: string) => call('write', text)],
    ['CDATA', (text: string) => call('write', inCdata(text))],
    ['JSON', (text: string) => hermes('write', text)],
    ['a call that does not begin its line', (text: string) => `So: ${call('write', inCdata(text))}`],
  ])('in %s no call of it is run, and no value is cut', (_place, write) => {
    fc.assert(
      fc.property(quoting, fc.constantFrom('stop', 'length'), fc.nat(), (text, end, at) => {
        const answer = `Before.\n${write(text)}\nBehind.`;
        const told = end === 'length' ? answer.slice(0, at % answer.length) : answer;
        const { run } = callsIn(partsOf([told], { end }));
        for (const { name, input } of run) {
          expect(name).toBe('write');
          expect([text, valueOf(text)]).toContainEqual((input as { text: string }).text);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('in the form that we write it is read back, and run', () => {
    fc.assert(
      fc.property(quoting, (text) => {
        const { run, failed } = callsIn(partsOf([`Before.\n${writeCall('write', { text })}`]));
        expect({ run, failed }).toEqual({ run: [{ name: 'write', input: { text } }], failed: [] });
      }),
      { numRuns: 1000 },
    );
  });

  it('in thoughts no call of it is run, and what is called behind them is', () => {
    fc.assert(
      fc.property(quoting, (text) => {
        const told = `<think>\n${text}\n</think>\n\n${call('own', 'a')}`;
        expect(callsIn(partsOf([told]))).toEqual({
          run: [{ name: 'own', input: { text: 'a' } }],
          failed: [],
        });
      }),
      { numRuns: 1000 },
    );
  });

  it('in thoughts that the answer begins with, no call of it is run', () => {
    fc.assert(
      // A result that is made up is the end of an answer, also of one whose thoughts cannot be told.
      fc.property(
        quoting.filter((text) => !text.includes('<tool_result')),
        (text) => {
          const { run } = callsIn(partsOf([`${text}\n</think>\n\n${call('own', 'a')}`]));
          expect(run.filter(({ name }) => name !== 'own')).toEqual([]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('in a fence no call of it is run, wherever the answer was cut in the fence', () => {
    const unfenced = quoting.filter((text) => !/^ {0,3}(```|~~~)/m.test(text));
    fc.assert(
      fc.property(unfenced, fc.nat(), (text, at) => {
        const told = `So:\n\`\`\`xml\n${text}\n\`\`\`\n`;
        const begin = 'So:\n```'.length;
        const cut = begin + (at % (told.length - 5 - begin));
        expect(callsIn(partsOf([told])).run).toEqual([]);
        const { run } = callsIn(
          partsOf([`${told.slice(cut)}${call('own', 'a')}`], { continued: [told.slice(0, cut)] }),
        );
        expect(run).toEqual([{ name: 'own', input: { text: 'a' } }]);
      }),
      { numRuns: 1000 },
    );
  });

  it('every way of cutting it comes to the same', () => {
    /** Deltas of one text or input are one. */
    const merged = (parts: readonly StreamPart[]) => {
      const whole: StreamPart[] = [];
      for (const part of parts) {
        const last = whole.at(-1);
        if (
          (part.type === 'text-delta' || part.type === 'tool-input-delta') &&
          last?.type === part.type &&
          last.id === part.id
        )
          whole[whole.length - 1] = { ...last, delta: last.delta + part.delta };
        else whole.push(part);
      }
      return whole;
    };
    const answers = fc.oneof(
      quoting.map((text) => call('write', text)),
      quoting.map((text) => call('write', inCdata(text))),
      quoting.map((text) => `<think>${text}</think>${call('own', 'a')}`),
      quoting,
    );
    fc.assert(
      fc.property(answers, (text) => {
        const letters = Array.from({ length: text.length }, (_, index) => text.charAt(index));
        // What the stream ended with its last piece, the other ended with its finish.
        expect(merged(partsOf(letters))).toEqual(merged(partsOf([text])));
      }),
      { numRuns: 1000 },
    );
  });
});
