import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { maxReadBytes, type Sandbox } from '../src/index.ts';
import { useSandbox } from './use-sandbox.ts';

let sandbox: Sandbox;
const signal = new AbortController().signal;

useSandbox((opened) => (sandbox = opened));

const shell = async (command: string): Promise<string> =>
  (await sandbox.run({ command, timeoutMs: 20_000, signal })).output;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Reads piece by piece, as callers of large files do. */
async function readWhole(path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let offset = 0; ;) {
    const piece = await sandbox.readFile(path, { offset, signal });
    pieces.push(Buffer.from(piece.bytes));
    offset += piece.bytes.length;
    if (offset >= piece.size) return Buffer.concat(pieces);
  }
}

describe('a file', () => {
  test.each([
    ['empty', 0],
    ['small', 1_000],
    ['just inline', 96 * 1024],
    ['just uploaded', 96 * 1024 + 1],
    ['of 20 MB', 20_000_000],
  ])('%s keeps its bytes', async (name, size) => {
    const content = randomBytes(size);
    const path = `binary/${name}`;
    await sandbox.writeFile({ path, bytes: content, signal });
    expect((await readWhole(path)).equals(content)).toBe(true);
    expect(await sandbox.stat(path, { signal })).toMatchObject({ path, kind: 'file', size, mode: 0o644 });
  });

  test('that looks like the upload around it keeps its bytes', async () => {
    const content = Buffer.concat([Buffer.from('\r\n------\r\n--'.repeat(20_000)), randomBytes(10)]);
    await sandbox.writeFile({ path: 'dashes', bytes: content, signal });
    expect((await readWhole('dashes')).equals(content)).toBe(true);
  });

  test.each([
    'with space',
    "it's",
    'double"quote',
    '$(touch pwned)',
    '`x`',
    '-rf',
    'ünï-日本-😀',
    '*',
    '~',
    'a\\b',
    ';&|<>!#',
    ' ',
  ])('may be named %s', async (name) => {
    const path = `names/${name}`;
    await sandbox.writeFile({ path, bytes: bytes(name), signal });
    expect((await readWhole(path)).toString('utf8')).toBe(name);
    const { entries } = await sandbox.list('names', { signal });
    expect(entries.map((entry) => entry.path)).toContain(path);
    await sandbox.remove({ path, signal });
    expect(await sandbox.stat(path, { signal })).toBeNull();
  });

  test.each(["it's -> there", 'с // 12 755', ' ends in a space '])(
    'may stand in a folder named %s, and behind a link to a folder of any name',
    async (name) => {
      const path = `folders/${name}/${name}`;
      await sandbox.writeFile({ path, bytes: bytes('one'), mode: 0o750, signal });
      await sandbox.writeFile({ path, bytes: bytes('two'), signal });
      expect((await readWhole(path)).toString('utf8')).toBe('two');
      expect(await sandbox.stat(path, { signal })).toMatchObject({ mode: 0o750 });
      await shell(`mkdir -p 'line\nend'; ln -sfn '/workspace/line\nend' to-line`);
      const behind = `to-line/${name}`;
      await sandbox.writeFile({ path: behind, bytes: bytes('three'), signal });
      expect((await readWhole(behind)).toString('utf8')).toBe('three');
    },
  );

  test('in a new folder has nothing of a file of its name elsewhere', async () => {
    await sandbox.writeFile({ path: 'twin', bytes: bytes('one'), mode: 0o755, signal });
    await sandbox.writeFile({ path: 'new/er/twin', bytes: bytes('two'), signal });
    expect(await sandbox.stat('new/er/twin', { signal })).toMatchObject({ mode: 0o644 });
  });

  test('of text is what it was, byte by byte', async () => {
    const text = `\ufeff'it''s'\r\n\t$x \`y\` \\n %s\u0001\u007f с😀\u2028\n\n`;
    await sandbox.writeFile({ path: 'text', bytes: bytes(text), signal });
    expect((await readWhole('text')).equals(bytes(text))).toBe(true);
    const controls = String.fromCharCode(...Array.from({ length: 159 }, (_, index) => index + 1)).repeat(50);
    await sandbox.writeFile({ path: 'text', bytes: bytes(controls), signal });
    expect((await readWhole('text')).equals(bytes(controls))).toBe(true);
  });

  test('is read in ranges', async () => {
    await sandbox.writeFile({ path: 'range', bytes: bytes('0123456789'), signal });
    const middle = await sandbox.readFile('range', { offset: 3, length: 4, signal });
    expect(Buffer.from(middle.bytes).toString()).toBe('3456');
    expect(middle.size).toBe(10);
    const beyond = await sandbox.readFile('range', { offset: 100, signal });
    expect(beyond).toMatchObject({ size: 10 });
    expect(beyond.bytes.length).toBe(0);
  });

  test('has the stamp of its content until it is changed, in place or by another file', async () => {
    const stampOf = async (offset: number) => (await sandbox.readFile('range', { offset, signal })).stamp;
    await sandbox.writeFile({ path: 'range', bytes: bytes('0123456789'), signal });
    const stamps = [await stampOf(0)];
    expect(await stampOf(5)).toBe(stamps[0]);
    for (const change of [
      'printf x | dd of=range conv=notrunc',
      'cp range r && mv r range',
      'echo >>range',
    ]) {
      await shell(change);
      stamps.push(await stampOf(0));
    }
    expect(new Set(stamps).size).toBe(4);
  });

  test('gives no more than the limit at once', async () => {
    await shell('truncate -s 1G sparse');
    const piece = await sandbox.readFile('sparse', { length: 2 ** 30, signal });
    expect(piece.size).toBe(2 ** 30);
    expect(piece.bytes.length).toBe(maxReadBytes);
    await sandbox.remove({ path: 'sparse', signal });
  });

  test('keeps its mode when it is written again, and takes the one asked for when it is new', async () => {
    await sandbox.writeFile({ path: 'script', bytes: bytes('#!/bin/sh\n'), mode: 0o755, signal });
    await sandbox.writeFile({ path: 'script', bytes: bytes('#!/bin/sh\necho ran\n'), signal });
    expect(await shell('./script')).toBe('ran\n');
  });

  test('behind a link is written through it', async () => {
    await shell('mkdir -p real && echo old > real/file && ln -s real/file link');
    await sandbox.writeFile({ path: 'link', bytes: bytes('new'), signal });
    expect(await shell('cat real/file; test -L link && echo still-a-link')).toBe('newstill-a-link\n');
    expect(await sandbox.stat('link', { signal })).toMatchObject({ kind: 'link' });
  });

  test('is never seen half written', async () => {
    const [first, second] = [Buffer.alloc(300_000, 'a'), Buffer.alloc(300_000, 'b')];
    await sandbox.writeFile({ path: 'atomic', bytes: first, signal });
    const watching = sandbox.run({
      command: `for i in $(seq 200); do tr -d '\\n' < atomic | fold -w 300000 | sed 's/^a*$/A/;s/^b*$/B/' | sort -u; done | sort -u`,
      timeoutMs: 30_000,
      signal,
    });
    for (let round = 0; round < 10; round++) {
      await sandbox.writeFile({ path: 'atomic', bytes: round % 2 === 0 ? second : first, signal });
    }
    const seen = (await watching).output.trim().split('\n');
    expect(seen.every((line) => line === 'A' || line === 'B')).toBe(true);
  });

  test('leaves nothing behind when it cannot be written', async () => {
    await shell('echo x > plain; mkdir -p closed && chmod 500 closed');
    const below = sandbox.writeFile({ path: 'plain/below', bytes: bytes('x'), signal });
    await expect(below).rejects.toMatchObject({ code: 'invalid_path' });
    const closed = sandbox.writeFile({ path: 'closed/file', bytes: bytes('x'), signal });
    await expect(closed).rejects.toMatchObject({ code: 'invalid_path' });
    const large = sandbox.writeFile({ path: 'closed/file', bytes: Buffer.alloc(200_000), signal });
    await expect(large).rejects.toMatchObject({ code: 'invalid_path' });
    expect(await shell('ls -A closed; ls -A /tmp | grep upload; find . -name ".switchyard*"')).toBe('');
  });
});

describe('what is not there', () => {
  test('or not a file, is said in words', async () => {
    await shell('mkdir -p folder && mkfifo pipe && echo x > unreadable && chmod 0 unreadable');
    await expect(sandbox.readFile('nothing', { signal })).rejects.toMatchObject({
      code: 'not_found',
      detail: 'nothing does not exist.',
    });
    await expect(sandbox.readFile('folder', { signal })).rejects.toMatchObject({ code: 'invalid_path' });
    await expect(sandbox.readFile('pipe', { signal })).rejects.toMatchObject({ code: 'invalid_path' });
    await expect(sandbox.readFile('unreadable', { signal })).rejects.toMatchObject({ code: 'invalid_path' });
    await expect(sandbox.list('nothing', { signal })).rejects.toMatchObject({ code: 'not_found' });
    await expect(sandbox.list('pipe', { signal })).rejects.toMatchObject({ code: 'invalid_path' });
    await expect(sandbox.remove({ path: 'nothing', signal })).rejects.toMatchObject({ code: 'not_found' });
    await expect(sandbox.remove({ path: '.', signal })).rejects.toMatchObject({ code: 'invalid_path' });
    expect(await sandbox.stat('nothing', { signal })).toBeNull();
  });

  test.each(['../x', '/etc/passwd', 'a/../../x', 'a\0b', 'a\nb'])(
    'leaves the workspace: %j is refused',
    async (path) => {
      await expect(sandbox.readFile(path, { signal })).rejects.toMatchObject({ code: 'invalid_path' });
      const written = sandbox.writeFile({ path, bytes: bytes('x'), signal });
      await expect(written).rejects.toMatchObject({ code: 'invalid_path' });
    },
  );
});

describe('a listing', () => {
  test('is sorted, tells kinds and sizes, and goes as deep as asked', async () => {
    await shell('mkdir -p tree/b/c && echo 12345 > tree/a && ln -s a tree/z && echo > tree/b/c/deep');
    const { entries } = await sandbox.list('tree', { signal });
    expect(entries.map(({ path, kind }) => [path, kind])).toEqual([
      ['tree/a', 'file'],
      ['tree/b', 'directory'],
      ['tree/z', 'link'],
    ]);
    expect(entries[0]).toMatchObject({ size: 6, mode: 0o644 });
    expect(Math.abs((entries[0]?.modifiedAtMs ?? 0) - Date.now())).toBeLessThan(600_000);
    const deep = await sandbox.list('tree', { depth: 3, signal });
    expect(deep.entries.map(({ path }) => path)).toContain('tree/b/c/deep');
  });

  test('is cut at its limit and says so', async () => {
    await shell('mkdir -p many && cd many && seq 50 | xargs touch');
    const cut = await sandbox.list('many', { maxEntries: 10, signal });
    expect(cut.entries).toHaveLength(10);
    expect(cut.isTruncated).toBe(true);
    const whole = await sandbox.list('many', { maxEntries: 50, signal });
    expect(whole).toMatchObject({ isTruncated: false });
    expect(whole.entries).toHaveLength(50);
  });

  test('of the workspace itself names paths from there', async () => {
    const { entries } = await sandbox.list('/workspace', { signal });
    expect(entries.map(({ path }) => path)).toContain('tree');
    expect(await sandbox.stat('.', { signal })).toMatchObject({ path: '.', kind: 'directory' });
  });
});
