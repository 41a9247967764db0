import { randomUUID } from 'node:crypto';
import { AppError } from '@switchyard/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClaimTakenError, explainChange, type FileChange, type Sandbox } from '../src/index.ts';
import { useSandbox } from './use-sandbox.ts';

let sandbox: Sandbox;
const signal = new AbortController().signal;

useSandbox((opened) => (sandbox = opened));

const shell = async (command: string): Promise<string> =>
  (await sandbox.run({ command, timeoutMs: 20_000, signal })).output;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const write = (path: string, text: string, more: object = {}): FileChange => ({
  kind: 'write',
  path,
  bytes: bytes(text),
  ...more,
});
const remove = (path: string, more: object = {}): FileChange => ({ kind: 'remove', path, ...more });
const change = (...changes: FileChange[]) => sandbox.changeFiles({ changes, signal });

/** Every file below a folder with its content, and every folder; what a change leaves behind would show. */
async function treeOf(path: string): Promise<Record<string, string>> {
  const { entries } = await sandbox.list(path, { depth: 20, maxEntries: 1_000, signal });
  const files = entries.map(async (entry) => {
    if (entry.kind !== 'file') return [entry.path, entry.kind] as const;
    const { bytes: content } = await sandbox.readFile(entry.path, { signal });
    return [entry.path, `= ${Buffer.from(content).toString('latin1')}`] as const;
  });
  return Object.fromEntries(await Promise.all(files));
}

describe('files that two conversations replace at the same time', () => {
  const replace = (path: string, text: string, readerId: string) =>
    sandbox.replaceFile({ path, bytes: bytes(text), readerId, signal });
  const read = async (path: string) =>
    Buffer.from((await sandbox.readFile(path, { signal })).bytes).toString();

  test('are not overwritten by one that has seen what was there before the other', async () => {
    for (let round = 0; round < 25; round += 1) {
      const path = `pair-${round}`;
      const reader = randomUUID();
      await replace(path, 'old', reader);
      const ends = await Promise.allSettled([
        replace(path, 'by who has seen it', reader),
        replace(path, 'by who has not', randomUUID()),
      ]);
      // Either was first; who has seen it is refused when he was second.
      const [seen] = ends;
      const isLost = seen.status === 'fulfilled' && (await read(path)) === 'by who has seen it';
      expect(isLost, `round ${round}`).toBe(false);
    }
  });

  test('are made by one of them and replaced by the other', async () => {
    for (let round = 0; round < 25; round += 1) {
      const path = `new-${round}`;
      const ends = await Promise.all(['a', 'b'].map((text) => replace(path, text, randomUUID())));
      expect(
        ends.filter(({ replaced }) => replaced === null),
        `round ${round}`,
      ).toHaveLength(1);
    }
  });
});

describe('several changes', () => {
  test('happen together: new files, new contents, removals, with the modes they had', async () => {
    await shell('mkdir -p set/old && cd set && echo a > a && chmod 751 a && echo b > old/b && echo c > c');
    await change(
      write('set/a', 'A'),
      write('set/new/deep/d', 'D', { mode: 0o755 }),
      remove('set/old', { isRecursive: true }),
      remove('set/c'),
    );
    expect(await treeOf('set')).toEqual({
      'set/a': '= A',
      'set/new': 'directory',
      'set/new/deep': 'directory',
      'set/new/deep/d': '= D',
    });
    expect((await sandbox.stat('set/a', { signal }))?.mode).toBe(0o751);
    expect((await sandbox.stat('set/new/deep/d', { signal }))?.mode).toBe(0o755);
  });

  test.each([
    ['a folder stands there', write('none/taken', 'x'), 'none/taken is a folder.'],
    [
      'a file stands where a folder must be',
      write('none/a/below', 'x'),
      'The folder of none/a/below cannot be made.',
    ],
    ['nothing is there to remove', remove('none/nowhere'), 'none/nowhere does not exist.'],
    ['a folder is not empty', remove('none/taken'), 'none/taken is a folder and not empty.'],
    [
      'a folder is closed',
      write('none/closed/x', 'x'),
      'none/closed/x may not be opened or changed: permission denied.',
    ],
    [
      'the file is not new',
      write('none/b', 'x', { expected: 'absent' }),
      'none/b was changed by somebody else in this very moment; nothing was done. Read it again.',
    ],
    [
      'the file is another',
      write('none/b', 'x', { expected: { version: 'f'.repeat(64) } }),
      'none/b was changed by somebody else in this very moment; nothing was done. Read it again.',
    ],
    ['the file is gone', remove('none/nothing', { expected: 'absent' }), 'none/nothing does not exist.'],
  ])('do not happen at all when %s', async (_, last, message) => {
    await shell(
      'rm -rf none; mkdir -p none/taken none/closed && echo 1 > none/taken/x && echo a > none/a && echo b > none/b && chmod 555 none/closed',
    );
    const before = await treeOf('none');
    const all = change(
      write('none/a', 'A'),
      write('none/deep/new', 'x'),
      last.path === 'none/b' ? remove('none/taken/x') : remove('none/b'),
      last,
    );
    await expect(all).rejects.toMatchObject({ detail: message });
    expect(await treeOf('none')).toEqual(before);
  });

  test('are taken back when one cannot be made at the end', async () => {
    // The last file passes every check, and is then replaced by a folder: as if somebody did it in between.
    await shell('rm -rf late; mkdir -p late && cd late && echo a > a && echo b > b && echo c > c');
    const before = await treeOf('late');
    await shell(`cat > /tmp/swap.sh <<'END'
while :; do set -- late/.switchyard-*; [ -e "$1" ] && break; done
rm -f late/c; mkdir -p late/c/full
END
(sh /tmp/swap.sh >/dev/null 2>&1 &)`);
    const large = 'x'.repeat(3_000_000);
    // Its neighbour takes its time, so that the swap comes before the renames.
    const all = change(write('late/a', large), write('late/b', large.repeat(8)), write('late/c', large));
    await expect(all).rejects.toBeInstanceOf(AppError);
    await shell('rm -rf late/c; echo c > late/c');
    expect(await treeOf('late')).toEqual(before);
  });

  test('keep every byte, large contents too, and many at once', async () => {
    const contents = Array.from({ length: 60 }, (_, index) => Buffer.alloc(7_000 + index, index));
    await change(
      ...contents.map((content, index): FileChange => ({
        kind: 'write',
        path: `lot/${index}`,
        bytes: content,
      })),
    );
    for (const [index, content] of contents.entries()) {
      expect(Buffer.from((await sandbox.readFile(`lot/${index}`, { signal })).bytes).equals(content)).toBe(
        true,
      );
    }
  });

  test('are as good as their model, whatever is asked', async () => {
    const path = fc.constantFrom('m/a', 'm/b', 'm/d/x', 'm/d/y', 'm/e/f/z');
    const text = fc.constantFrom('', 'one', "it's $two\n", '\0\xff');
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('write' as const), path, text, isNew: fc.boolean() }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), path }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(step, { selector: (each) => each.path, minLength: 1, maxLength: 4 }), {
          maxLength: 6,
        }),
        async (sets) => {
          await shell('rm -rf m; mkdir m');
          const model = new Map<string, string>();
          for (const set of sets) {
            const isPossible = set.every((each) =>
              each.kind === 'write' ? !(each.isNew && model.has(each.path)) : model.has(each.path),
            );
            const done = await change(
              ...set.map((each) =>
                each.kind === 'write'
                  ? write(each.path, '', {
                      bytes: Buffer.from(each.text, 'latin1'),
                      ...(each.isNew ? { expected: 'absent' } : {}),
                    })
                  : remove(each.path),
              ),
            ).then(
              () => true,
              () => false,
            );
            expect(done).toBe(isPossible);
            if (!isPossible) continue;
            for (const each of set) {
              if (each.kind === 'write') model.set(each.path, each.text);
              else model.delete(each.path);
            }
          }
          const files = Object.entries(await treeOf('m')).filter(([, content]) => content !== 'directory');
          expect(Object.fromEntries(files)).toEqual(
            Object.fromEntries([...model].map(([file, content]) => [file, `= ${content}`])),
          );
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('a change that expects a version', () => {
  test('loses no other one, however many are made at the same time', async () => {
    await shell('echo 0 > counter');
    async function increment(): Promise<void> {
      for (;;) {
        const { bytes: old, version } = await sandbox.readFile('counter', {
          reader: { id: 'thread', isRemembered: false },
          signal,
        });
        const next = String(Number(Buffer.from(old).toString()) + 1);
        const done = await change(write('counter', next, { expected: { version } })).then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ code: 'conflict' });
            return false;
          },
        );
        if (done) return;
      }
    }
    await Promise.all(Array.from({ length: 8 }, increment));
    expect(await shell('cat counter')).toBe('8');
  });
});

describe('what a reader saw', () => {
  const look = (id: string, isRemembered = false) =>
    sandbox.readFile('seen.txt', { reader: { id, isRemembered }, signal });

  test('is remembered for each by itself, of reading and of writing', async () => {
    await shell('echo one > seen.txt');
    expect(await look('a')).toMatchObject({ lastSeen: null });
    const first = await look('a', true);
    expect(await look('a')).toMatchObject({ lastSeen: first.version, version: first.version });
    expect(await look('b')).toMatchObject({ lastSeen: null });
    await sandbox.changeFiles({ changes: [write('seen.txt', 'two')], readerId: 'b', signal });
    const second = await look('b');
    expect(second.version).not.toBe(first.version);
    expect(second.lastSeen).toBe(second.version);
    expect(await look('a')).toMatchObject({ lastSeen: first.version, version: second.version });
    await sandbox.changeFiles({ changes: [remove('seen.txt')], readerId: 'a', signal });
    await shell('echo three > seen.txt');
    expect(await look('a')).toMatchObject({ lastSeen: null });
  });

  test('of a file that is too large to hash is told by its times', async () => {
    await shell('truncate -s 20M seen.txt');
    const { version } = await look('c', true);
    expect(await look('c')).toMatchObject({ lastSeen: version, version });
    await shell('printf x | dd of=seen.txt conv=notrunc status=none');
    const after = await look('c');
    expect(after.version).not.toBe(version);
  });
});

describe('a claimed change', () => {
  test('happens once, and records why it did not', async () => {
    const claim = { callId: randomUUID(), incarnation: sandbox.incarnation, result: { fine: true } };
    const once = (text: string) =>
      sandbox.changeFiles({ changes: [write('once/a', text), write('once/b', text)], signal, claim });
    await once('1');
    await expect(once('2')).rejects.toBeInstanceOf(ClaimTakenError);
    expect(await treeOf('once')).toEqual({ 'once/a': '= 1', 'once/b': '= 1' });
    const failing = { ...claim, callId: randomUUID() };
    const paths = ['once/c', 'once/a/below'];
    const refused = sandbox.changeFiles({
      changes: paths.map((path) => write(path, 'x')),
      signal,
      claim: failing,
    });
    await expect(refused).rejects.toMatchObject({ detail: 'The folder of once/a/below cannot be made.' });
    const record = await sandbox.inspectCall(failing.callId, failing.incarnation, { signal });
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(record.exitCode).toBe(1);
    expect(explainChange(record.output, paths).detail).toBe('The folder of once/a/below cannot be made.');
  });
});

describe('moving', () => {
  const move = (from: string, to: string, isReplacing = false) =>
    sandbox.move({ from, to, isReplacing, signal });

  test('takes files, folders and links as they are, into folders that it makes', async () => {
    await shell(
      'rm -rf mv; mkdir -p mv/dir && cd mv && echo x > file && chmod 741 file && echo y > dir/y && ln -s file link',
    );
    await move('mv/file', 'mv/new/deep/file');
    await move('mv/dir', 'mv/other');
    await move('mv/link', 'mv/moved-link');
    expect(await treeOf('mv')).toEqual({
      'mv/new': 'directory',
      'mv/new/deep': 'directory',
      'mv/new/deep/file': '= x\n',
      'mv/other': 'directory',
      'mv/other/y': '= y\n',
      'mv/moved-link': 'link',
    });
    expect((await sandbox.stat('mv/new/deep/file', { signal }))?.mode).toBe(0o741);
  });

  test('replaces a file only when asked to, and never a folder', async () => {
    await shell('rm -rf mv; mkdir -p mv/full && cd mv && echo a > a && echo b > b && echo c > full/c');
    const before = await treeOf('mv');
    await expect(move('mv/a', 'mv/b')).rejects.toMatchObject({ detail: 'mv/b exists already.' });
    await expect(move('mv/a', 'mv/full', true)).rejects.toMatchObject({ detail: 'mv/full is a folder.' });
    await expect(move('mv/none', 'mv/x/y')).rejects.toMatchObject({ detail: 'mv/none does not exist.' });
    await expect(move('mv/full', 'mv/full/inside')).rejects.toBeInstanceOf(AppError);
    await expect(move('mv/a', 'mv/b/below')).rejects.toMatchObject({
      detail: 'The folder of mv/b/below cannot be made.',
    });
    expect(await treeOf('mv')).toEqual(before);
    await move('mv/a', 'mv/b', true);
    expect(await shell('cat mv/b; ls mv')).toBe('a\nb\nfull\n');
  });
});
