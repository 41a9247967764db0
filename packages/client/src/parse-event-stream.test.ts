import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEventStreamParser, type EventStreamParser, type StreamFrame } from './parse-event-stream.ts';

/** The same by the letter of the standard, of a text that came whole: what stands after the last line end is no line. */
function parseWhole(text: string): { readonly frames: StreamFrame[]; readonly retryMs: number | null } {
  const frames: StreamFrame[] = [];
  let retryMs: number | null = null;
  let id: string | null = null;
  let data: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/).slice(0, -1)) {
    if (line === '') {
      if (data.length > 0) frames.push({ id, data: data.join('\n') });
      [id, data] = [null, []];
      continue;
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'data') data.push(value);
    if (field === 'id' && !value.includes('\0')) id = value;
    if (field === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  }
  return { frames, retryMs };
}

test('any text, cut anywhere, has the frames of the standard', () => {
  const words = [
    'data',
    'id',
    'retry',
    'event',
    ':',
    ': ',
    ' ',
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '\0',
    '7',
    'ü😀',
    '\ufeff',
  ];
  const lines = ['data: a\n', 'data: b\r\n', 'id: 1-1\r', 'retry: 5\n', ':\n\n'];
  const text = fc.array(fc.constantFrom(...words, ...lines), { maxLength: 40 }).map((all) => all.join(''));
  fc.assert(
    fc.property(text, fc.infiniteStream(fc.integer({ min: 0, max: 5 })), (whole, cuts) => {
      const parser = createEventStreamParser();
      const frames: StreamFrame[] = [];
      for (let at = 0; at < whole.length;) {
        const { value: length = 1 } = cuts.next();
        frames.push(...parser.push(whole.slice(at, at + length)));
        at += length;
      }
      expect({ frames, retryMs: parser.retryMs }).toEqual(parseWhole(whole));
    }),
    { numRuns: 2000 },
  );
});

/** Processor time in microseconds: what others do on the machine does not count. */
const timeOf = (pieces: readonly string[]): number => {
  const parser: EventStreamParser = createEventStreamParser();
  const before = process.cpuUsage();
  expect(pieces.flatMap((piece) => parser.push(piece)).length).toBeGreaterThan(0);
  const { user, system } = process.cpuUsage(before);
  return user + system;
};

test.each<[string, (size: number) => string[]]>([
  ['frames in one piece', (size) => ['id: 1-1\ndata: {"delta":"word "}\n\n'.repeat(size)]],
  ['frames of a text with wide characters', (size) => ['id: 1-1\ndata: {"delta":"wörd→"}\n\n'.repeat(size)]],
  ['lines that end in CRLF', (size) => ['data: {"delta":"word "}\r\n\r\n'.repeat(size)]],
  [
    'pieces of one frame',
    (size) => ['data: ', ...Array.from({ length: size }, () => 'x'.repeat(64)), '\n\n'],
  ],
  ['lines of one frame', (size) => [...Array.from({ length: size }, () => 'data: x\n'), '\n']],
])('many %s take time that grows with their number, not with its square', (_name, textOf) => {
  const [small, large] = [textOf(4000), textOf(64_000)];
  timeOf(small);
  const best = (pieces: readonly string[]) => Math.min(...Array.from({ length: 5 }, () => timeOf(pieces)));
  // Sixteen times as many; the square would be 256 times as long.
  expect(best(large)).toBeLessThan(best(small) * 80);
});

test('an unfinished frame is not a frame, and ids are not carried over', () => {
  const parser = createEventStreamParser();
  expect(parser.push('id: 1-1\ndata: a\n\ndata: b\n\nid: 1-3\ndata: c\n')).toEqual([
    { id: '1-1', data: 'a' },
    { id: null, data: 'b' },
  ]);
  expect(parser.push('\n')).toEqual([{ id: '1-3', data: 'c' }]);
});

test('comments, unknown fields and empty frames are passed over; retry is remembered', () => {
  const parser = createEventStreamParser();
  expect(parser.push(':\n\n: hello\nevent: x\nretry: 250\nretry: soon\ndata\n\ndata:a\n\n')).toEqual([
    { id: null, data: '' },
    { id: null, data: 'a' },
  ]);
  expect(parser.retryMs).toBe(250);
});
