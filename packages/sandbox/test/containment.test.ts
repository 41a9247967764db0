import { randomUUID } from 'node:crypto';
import { AppError } from '@switchyard/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sandbox } from '../src/index.ts';
import { useSandbox } from './use-sandbox.ts';

let sandbox: Sandbox;
const signal = new AbortController().signal;
const outside = '/tmp/outside';
const secret = 'not of the workspace';

useSandbox((opened) => (sandbox = opened));

const shell = async (command: string): Promise<string> =>
  (await sandbox.run({ command, timeoutMs: 60_000, signal })).output;
const prepareOutside = () =>
  shell(
    `rm -rf ${outside}; mkdir -p ${outside}/sub && cd ${outside} && printf '${secret}' | tee file sub/file a >/dev/null`,
  );
/** Paths, kinds, contents: anything that came to be, went or changed out there would show. */
const outsideNow = () => shell(`cd ${outside} && find . -printf '%p %y %m\\n' | sort; cat file sub/file a`);

/** Two things change places all the time: a folder of the workspace and a link out of it, under one name. */
const startSwapping = () =>
  shell(`rm -rf race; mkdir -p race/dir/sub && cd race && echo mine > dir/file && echo mine > dir/sub/file && ln -s ${outside} out
cat > /tmp/swap.js <<'END'
const { renameSync, mkdirSync, writeFileSync } = require('node:fs');
process.chdir('/workspace/race');
const until = Date.now() + 60000;
while (Date.now() < until) {
  try {
    renameSync('dir', 'hidden'); renameSync('out', 'dir');
    renameSync('dir', 'out'); renameSync('hidden', 'dir');
  } catch {
    try { mkdirSync('hidden/sub', { recursive: true }); writeFileSync('hidden/file', 'mine'); writeFileSync('hidden/sub/file', 'mine'); renameSync('hidden', 'dir'); } catch {}
  }
}
END
(node /tmp/swap.js >/dev/null 2>&1 & echo $! >/tmp/swap.pid)`);
const stopSwapping = () => shell('kill -9 $(cat /tmp/swap.pid)');

type Operation = (path: string) => Promise<unknown>;

/** Whatever becomes of it, but an error without a code would be a fault of ours. */
async function attempt(operation: Operation, path: string): Promise<void> {
  try {
    await operation(path);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}

const write: Operation = (path) => sandbox.writeFile({ path, bytes: Buffer.from('mine'), signal });
const operations: Readonly<Record<string, Operation>> = {
  write,
  'write a large file': (path) => sandbox.writeFile({ path, bytes: Buffer.alloc(150_000, 'm'), signal }),
  'change several': (path) =>
    sandbox.changeFiles({
      changes: [
        { kind: 'write', path, bytes: Buffer.from('mine') },
        { kind: 'write', path: `own-${randomUUID()}`, bytes: Buffer.from('mine') },
      ],
      signal,
    }),
  'remove in a set': (path) =>
    sandbox.changeFiles({ changes: [{ kind: 'remove', path, isRecursive: true }], signal }),
  remove: (path) => sandbox.remove({ path, signal }),
  'move there': async (path) => {
    const from = `own-${randomUUID()}`;
    await write(from);
    return sandbox.move({ from, to: path, isReplacing: true, signal });
  },
  'move away': (path) => sandbox.move({ from: path, to: `own-${randomUUID()}`, signal }),
  read: async (path) =>
    expect(Buffer.from((await sandbox.readFile(path, { signal })).bytes).toString()).not.toContain(secret),
  list: async (path) =>
    expect((await sandbox.list(path, { depth: 3, signal })).entries.map((entry) => entry.path)).not.toContain(
      `${path}/sub`,
    ),
  stat: async (path) => expect((await sandbox.stat(path, { signal }))?.size ?? 0).not.toBe(secret.length),
};

describe.each(Object.entries(operations))('%s', (_, operation) => {
  test('follows no link out of the workspace', async () => {
    await prepareOutside();
    const before = await outsideNow();
    await shell(
      `rm -rf links; mkdir -p links/real && cd links && ln -s ${outside} away && ln -s ../../tmp/outside up && ln -s away twice && ln -s ${outside}/file leaf && ln -s ${outside}/new dangling`,
    );
    for (const path of [
      'links/away',
      'links/away/file',
      'links/away/new',
      'links/away/sub/file',
      'links/away/made/deep/new',
      'links/up/a',
      'links/twice/sub/file',
      'links/leaf',
      'links/dangling',
      'links/real/../away/file',
    ]) {
      // The link itself may go or be seen: only what it leads to is out of reach.
      await attempt(operation, path);
      expect(await outsideNow(), path).toBe(before);
    }
  });

  test('follows none that is swapped in while it works', async () => {
    await prepareOutside();
    const before = await outsideNow();
    await startSwapping();
    try {
      for (let round = 0; round < 12; round += 1) {
        for (const path of ['race/dir/file', 'race/dir/sub/file', `race/dir/new-${round}/x`]) {
          await attempt(operation, path);
        }
      }
    } finally {
      await stopSwapping();
    }
    expect(await outsideNow()).toBe(before);
  });
});

test('the swapping does lead commands out that do not look where they are', async () => {
  await prepareOutside();
  await startSwapping();
  const reached = await shell(
    `cd race; for i in $(seq 20000); do { echo x > dir/naive-$i; } 2>/dev/null; [ -e ${outside}/naive-$i ] && echo out && break; done`,
  );
  await stopSwapping();
  expect(reached).toBe('out\n');
});

test('links that stay in the workspace are followed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }),
      async (parts) => {
        await shell(
          `rm -rf inner; mkdir -p inner/real/${parts.join('/')} && cd inner && ln -s real one && ln -s /workspace/inner/one two`,
        );
        const path = `inner/two/${parts.join('/')}/file`;
        await write(path);
        expect(await shell(`cat inner/real/${parts.join('/')}/file`)).toBe('mine');
        expect(Buffer.from((await sandbox.readFile(path, { signal })).bytes).toString()).toBe('mine');
      },
    ),
    { numRuns: 5 },
  );
});
