import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEventStreamParser, type StreamFrame } from './parse-event-stream.ts';

test('the frames do not depend on where the text was cut, nor on the kind of line ends', () => {
  const word = fc.string().map((text) => text.replaceAll(/[\r\n]/g, ''));
  const frame = fc.record({
    id: fc.option(fc.stringMatching(/^\d+-\d+$/)),
    data: fc.array(word, { minLength: 1, maxLength: 3 }),
  });
  fc.assert(
    fc.property(
      fc.array(frame),
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (frames, lineEnd, cuts) => {
        const text = frames
          .map(({ id, data }) =>
            [
              ': comment',
              ...(id === null ? [] : [`id: ${id}`]),
              ...data.map((line) => `data: ${line}`),
              '',
              '',
            ].join(lineEnd),
          )
          .join('');
        const parser = createEventStreamParser();
        const parsed: StreamFrame[] = [];
        for (let at = 0; at < text.length;) {
          const length = cuts.next().value ?? 1;
          parsed.push(...parser.push(text.slice(at, at + length)));
          at += length;
        }
        // A carriage return at the end may be half of a line end: one more character settles it.
        parsed.push(...parser.push('\n'));
        expect(parsed).toEqual(frames.map(({ id, data }) => ({ id, data: data.join('\n') })));
      },
    ),
  );
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
