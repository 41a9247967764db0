import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fetchChromium, findChromium } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const cacheDir = path.resolve(import.meta.dirname, '../../../.cache');

describe('Chromium', () => {
  test('of CHROME_PATH is refused in one line when it does not run', async () => {
    await expect(findChromium({ CHROME_PATH: '/nowhere/chromium' })).rejects.toThrow(
      /^CHROME_PATH names \/nowhere\/chromium, which does not run/,
    );
  });

  test('is not found on a PATH that has none', async () => {
    expect(await findChromium({ PATH: await temporaryDirectory() })).toBeNull();
  });

  test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
    'is fetched into the cache once and runs',
    async () => {
      const log = () => undefined;
      const first = await fetchChromium({ cacheDir, environment: process.env, log });
      expect(first.version).toMatch(/^\d+\./);
      // Without a PATH there is no npm: what is in the cache suffices.
      expect(await fetchChromium({ cacheDir, environment: {}, log })).toEqual(first);
    },
  );
});
