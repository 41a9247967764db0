import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContentSource } from '../src/change-script.ts';
import { temporaryFolder } from './host-process.ts';
import { runShell, shells, writeScript } from './shells.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

describe.each(shells)('a file that has no room, under %s', (shell) => {
  const run = (script: string) => runShell(shell, script);

  // Only root may mount a disk.
  test.runIf(process.getuid?.() === 0)(
    'a full disk is told as such, whoever writes, and what was there stays',
    async () => {
      const root = path.join(folder.path, randomUUID());
      await mkdir(root);
      await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'test', root]);
      try {
        const text = 'x'.repeat(90_000);
        const uploadPath = path.join(folder.path, randomUUID());
        await writeFile(uploadPath, text);
        await writeFile(path.join(root, 'file'), 'old');
        await promisify(execFile)('sh', ['-c', 'head -c 2M /dev/zero >"$1/large" || :', 'sh', root]);
        const sources: readonly ContentSource[] = [
          { kind: 'text', text },
          { kind: 'inline', base64: Buffer.from(text).toString('base64') },
          { kind: 'uploaded', offset: 0, length: text.length },
        ];
        for (const source of sources) {
          const { words } = await run(
            writeScript(root, source, source.kind === 'uploaded' ? { uploadPath } : {}),
          );
          expect(words, source.kind).toEqual(['full', '0']);
        }
        expect(await readFile(path.join(root, 'file'), 'utf8')).toBe('old');
        expect(await readdir(root)).toEqual(['file', 'large']);
      } finally {
        await promisify(execFile)('umount', ['--lazy', root]);
      }
    },
  );

  test('a file that is longer than one may be is told as such', async () => {
    const root = path.join(folder.path, randomUUID());
    await mkdir(root);
    const uploadPath = path.join(folder.path, randomUUID());
    await writeFile(uploadPath, 'x'.repeat(90_000));
    const script = writeScript(root, { kind: 'uploaded', offset: 0, length: 90_000 }, { uploadPath });
    expect((await run(`ulimit -f 8\n${script}`)).words).toEqual(['too-large', '0']);
    expect(await readdir(root)).toEqual([]);
  });
});
