import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sandbox, SearchAnswer } from '../src/index.ts';
import { useSandbox } from './use-sandbox.ts';

let sandbox: Sandbox;
const signal = new AbortController().signal;

useSandbox((opened) => (sandbox = opened));

const shell = async (command: string): Promise<string> =>
  (await sandbox.run({ command, timeoutMs: 60_000, signal })).output;
const defaults = {
  isLiteral: false,
  isCaseIgnored: false,
  glob: null,
  shows: 'lines',
  context: 0,
  skip: 0,
  maxShown: 1000,
  maxBytes: 1_000_000,
  signal,
} as const;
type Options = Partial<Parameters<Sandbox['search']>[0]>;
const search = (path: string, pattern: string, options: Options = {}) =>
  sandbox.search({ ...defaults, path, pattern, ...options });
const flat = ({ files }: SearchAnswer) =>
  files.flatMap((file) =>
    file.lines.map(({ number, text, isMatch }) => `${file.path}${isMatch ? ':' : '-'}${number} ${text}`),
  );

describe('a search', () => {
  test('finds lines in files below a folder, sorted, with what is around them', async () => {
    await shell(
      String.raw`mkdir -p s/b/c s/.git s/node_modules/x && cd s && printf 'one\ntwo\nthree\nfour\n' > a.txt && printf 'two\r\n2\r\n' > b/dos.txt && printf 'z\xfcrich two\n' > b/c/latin && printf 'two\0' > bin && printf two | tee .git/x node_modules/x/y >/dev/null && ln -s a.txt link && mkfifo pipe`,
    );
    const found = await search('s', 'two');
    expect(flat(found)).toEqual(['a.txt:2 two', 'b/c/latin:1 zürich two', 'b/dos.txt:1 two']);
    expect(found).toMatchObject({
      shown: 3,
      hasMore: false,
      searchedFiles: 3,
      binaryFiles: 1,
      unreadableFiles: 0,
      stopped: null,
    });
    expect(flat(await search('s', '^three$', { context: 1 }))).toEqual([
      'a.txt-2 two',
      'a.txt:3 three',
      'a.txt-4 four',
    ]);
    expect(flat(await search('s', 'o', { context: 5, glob: '*.txt' }))).toEqual([
      'a.txt:1 one',
      'a.txt:2 two',
      'a.txt-3 three',
      'a.txt:4 four',
      'b/dos.txt:1 two',
      'b/dos.txt-2 2',
    ]);
    expect(flat(await search('s/a.txt', 'TWO', { isCaseIgnored: true }))).toEqual([':2 two']);
    expect(flat(await search('s/node_modules', 'two'))).toEqual(['x/y:1 two']);
    expect(flat(await search('s', '.', { isLiteral: true }))).toEqual([]);
    expect(
      (await search('s', 't', { shows: 'files' })).files.map(({ path, count }) => [path, count]),
    ).toEqual([
      ['a.txt', 2],
      ['b/c/latin', 1],
      ['b/dos.txt', 1],
    ]);
  });

  test('goes on where it stopped', async () => {
    await shell('mkdir -p pages && cd pages && for i in 1 2 3; do seq 1 20 > $i; done');
    const all = flat(await search('pages', '1'));
    const paged: string[] = [];
    for (let skip = 0; ;) {
      const page = await search('pages', '1', { skip, maxShown: 7 });
      paged.push(...flat(page));
      skip += page.shown;
      if (!page.hasMore) break;
    }
    expect(paged).toEqual(all);
    const first = await search('pages', '1', { maxBytes: 30 });
    expect(first).toMatchObject({ hasMore: true });
    expect(first.shown).toBeLessThan(6);
    expect(first.shown).toBeGreaterThan(0);
  });

  test('finds in long lines and long files, and shows what is around the match', async () => {
    await shell(`(head -c 3000000 /dev/zero | tr '\\0' x; printf needle; head -c 3000000 /dev/zero | tr '\\0' 'y'; echo; seq 1 500000; echo needle) > long.txt
(head -c 40000000 /dev/zero | tr '\\0' x; echo needle; echo needle here) > endless.txt`);
    const [first, last] = (await search('long.txt', 'needle')).files[0]?.lines ?? [];
    expect(first?.text).toMatch(/^…x+needley+…$/);
    expect(first?.text.length).toBeLessThan(310);
    expect(last).toMatchObject({ number: 500_002, text: 'needle' });
    // Of a line without end its beginning is searched.
    expect(flat(await search('endless.txt', 'needle'))).toEqual([':2 needle here']);
  });

  test('agrees with its model, for any files and words', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'é'), maxLength: 6 });
    const files = fc.dictionary(
      fc.constantFrom('a', 'b/a', 'b/c/d', 'e.txt'),
      fc.record({
        lines: fc.array(line, { maxLength: 8 }),
        end: fc.constantFrom('\n', '\r\n'),
        isEnded: fc.boolean(),
      }),
    );
    const word = fc.constantFrom('a', 'ab', 'a b', 'é', 'b+a', '^a', 'b$', '^$', '[ab]{3}');
    await fc.assert(
      fc.asyncProperty(files, word, async (given, pattern) => {
        await shell('rm -rf model; mkdir model');
        const changes = Object.entries(given).map(([name, { lines, end, isEnded }]) => ({
          kind: 'write' as const,
          path: `model/${name}`,
          bytes: Buffer.from(lines.join(end) + (isEnded && lines.length > 0 ? end : '')),
        }));
        await sandbox.changeFiles({ changes, signal });
        const expression = new RegExp(pattern);
        const expected = Object.entries(given)
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .flatMap(([name, { lines, isEnded }]) => {
            // A last line that is empty and has no end is none.
            const real = !isEnded && lines.at(-1) === '' ? lines.slice(0, -1) : lines;
            return real.flatMap((text, index) =>
              expression.test(text) ? [`${name}:${index + 1} ${text}`] : [],
            );
          });
        expect(flat(await search('model', pattern))).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  test('says what is wrong with a pattern, a path, a link', async () => {
    await expect(search('s', '(a)\\1')).rejects.toMatchObject({
      code: 'invalid_request',
      detail: 'Back references ("\\1") are not possible, since the search takes linear time.',
    });
    await expect(search('nowhere', 'a')).rejects.toMatchObject({ code: 'not_found' });
    await shell(
      'mkdir -p t/deep; ln -s /etc t/etc; ln -s /etc/passwd t/passwd; echo "root" > t/deep/x; ln -s deep t/inner',
    );
    await expect(search('t/etc', 'root')).rejects.toMatchObject({
      detail: 't/etc leads out of the workspace by a link.',
    });
    await expect(search('t/passwd', 'root')).rejects.toMatchObject({ code: 'invalid_path' });
    expect(flat(await search('t', 'root'))).toEqual(['deep/x:1 root']);
    expect(flat(await search('t/inner', 'root'))).toEqual(['x:1 root']);
  });

  test('ends in time whatever the pattern is', async () => {
    await shell(`head -c 2000000 /dev/zero | tr '\\0' a > as.txt`);
    expect(flat(await search('as.txt', '(a|aa)+$b|(a*)*c'))).toEqual([]);
    expect((await search('as.txt', '(?:a?){500}a{500}b')).shown).toBe(0);
  });
});

describe('a glob', () => {
  const glob = (path: string, pattern: string, skip = 0, maxShown = 100) =>
    sandbox.glob({ path, glob: pattern, skip, maxShown, signal });

  test('finds files and links by their paths, sorted, page by page', async () => {
    await shell(
      'mkdir -p g/a/b g/node_modules && cd g && touch z.ts a/x.ts a/b/y.ts a/b/.h.ts node_modules/n.ts && printf abc > a/c.md && ln -s z.ts l.ts',
    );
    expect((await glob('g', '*.ts')).files).toEqual([
      { path: 'a/b/.h.ts', isLink: false, size: 0 },
      { path: 'a/b/y.ts', isLink: false, size: 0 },
      { path: 'a/x.ts', isLink: false, size: 0 },
      { path: 'l.ts', isLink: true, size: 4 },
      { path: 'z.ts', isLink: false, size: 0 },
    ]);
    expect((await glob('g/a', '*.{md,txt}')).files).toEqual([{ path: 'c.md', isLink: false, size: 3 }]);
    expect(await glob('g', '*.ts', 1, 2)).toMatchObject({
      files: [{ path: 'a/b/y.ts' }, { path: 'a/x.ts' }],
      hasMore: true,
    });
    expect(await glob('g', '*.ts', 3, 2)).toMatchObject({
      files: [{ path: 'l.ts' }, { path: 'z.ts' }],
      hasMore: false,
    });
    await expect(glob('g', '{a')).rejects.toMatchObject({ detail: 'A "}" is missing.' });
  });
});
