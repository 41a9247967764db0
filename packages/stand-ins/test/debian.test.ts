import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fetchBubblewrap, fetchDebianPackages, fetchRedis, hasDebianPackages } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

// Needs the machine's package mirror; a machine without apt has nothing to test here.
describe.skipIf(!hasDebianPackages())('packages of the machine’s distribution', () => {
  test('are unpacked into the cache after a word about what and how much, and fetched once', async () => {
    const cacheDir = await temporaryDirectory();
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const first = await fetchBubblewrap({ cacheDir, log });
    expect(first.command.startsWith(cacheDir)).toBe(true);
    await access(first.command);
    expect(lines.at(-1)).toMatch(/^fetching bubblewrap \(\d+ kB\) to .*debian$/);
    expect(await readdir(path.join(cacheDir, 'debian'))).toEqual(['bubblewrap']);
    const before = lines.length;
    expect(await fetchBubblewrap({ cacheDir, log })).toEqual(first);
    expect(lines).toHaveLength(before);
  });

  test('are fetched by two callers at the same time into one cache', async () => {
    const cacheDir = await temporaryDirectory();
    const log = () => undefined;
    const [redis, bubblewrap] = await Promise.all([
      fetchRedis({ cacheDir, log }),
      fetchBubblewrap({ cacheDir, log }),
    ]);
    await access(bubblewrap.command);
    expect(redis.command.startsWith(cacheDir)).toBe(true);
    expect((await readdir(path.join(cacheDir, 'debian'))).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('that do not exist are named in one line, and nothing remains of the attempt', async () => {
    const cacheDir = await temporaryDirectory();
    await expect(
      fetchDebianPackages({ names: ['no-such-package-here'], cacheDir, log: () => undefined }),
    ).rejects.toThrow(/^Debian packages could not be fetched: no-such-package-here: E: /);
    expect(await readdir(path.join(cacheDir, 'debian'))).toEqual([]);
  });
});
