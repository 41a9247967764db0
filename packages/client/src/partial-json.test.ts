import { parsePartialJson as parseAsTheSdkDoes } from 'ai';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePartialJson } from './partial-json.ts';

/** Keys without escapes: the SDK's reader loses its way in a key that holds a quotation mark. */
const key = fc.string({ unit: fc.constantFrom('a', 'b', 'é', ':', '{', '🙂', ' ') });
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('"', '\\', '\\"{', '\n\t', ' '),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.constantFrom(null, true, false, 1e21, -0.5e-9, {}, []),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(key, tie('json'), { maxKeys: 4 }),
  ),
}));

describe('JSON that is cut', () => {
  test('has at every character the value that the SDK gives it', async () => {
    await fc.assert(
      fc.asyncProperty(json, fc.constantFrom(0, 1, 2), async (value, spaces) => {
        const text = JSON.stringify(value, null, spaces);
        for (let end = 0; end <= text.length; end += 1) {
          const expected = (await parseAsTheSdkDoes(text.slice(0, end))).value;
          expect(parsePartialJson(text.slice(0, end)), text.slice(0, end)).toEqual(expected);
        }
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ['', undefined],
    ['  ', undefined],
    ['-', undefined],
    ['{"a":-', {}],
    ['{"a":1.', { a: 1 }],
    ['{"a":1e+5', { a: 1 }],
    ['[1e+5', [1e5]],
    ['{"a":1,', { a: 1 }],
    ['{"a":1,"b', { a: 1 }],
    ['{"a":1,"b":', { a: 1 }],
    ['{"a":tr', { a: true }],
    ['{"a":"x\\', { a: 'x' }],
    ['{"a":"x\\u12', { a: 'x' }],
    ['{"a":[{"b":"c', { a: [{ b: 'c' }] }],
    ['{} and more', {}],
    ['not JSON', undefined],
    ['{a:1}', undefined],
    ['[1 2]', undefined],
  ])('%s is %o', async (text, value) => {
    expect(parsePartialJson(text)).toEqual(value);
    expect((await parseAsTheSdkDoes(text)).value).toEqual(value);
  });

  test.each([
    '{"__proto__":{"a":1}}',
    '{"x":[{"\\u005f_proto__":1}]}',
    '{"constructor":{"prototype":{}}}',
    '{"a":{"__proto__":"cut',
  ])('%s, which could reach a prototype, has none', (text) => {
    expect(parsePartialJson(text)).toBeUndefined();
  });

  test('takes time in proportion to the text', () => {
    const text = `{"path":"a","content":"${'x\\n'.repeat(500_000)}`;
    expect(parsePartialJson(text)).toMatchObject({ path: 'a' });
  });
});
