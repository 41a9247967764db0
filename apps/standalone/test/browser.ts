import path from 'node:path';
import { fetchChromium, findChromium } from '@switchyard/stand-ins';
import { type Browser, chromium } from 'playwright-core';

const cacheDir = path.resolve(import.meta.dirname, '../../../.cache');

/**
 * Starts a headless Chromium: the one of `CHROME_PATH`, else one on the PATH, else one that is fetched into `.cache` on
 * first use. A machine where none of them runs fails the tests and is told what to do; they are never skipped.
 */
export async function openBrowser(): Promise<Browser> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const program =
    (await findChromium(process.env)) ?? (await fetchChromium({ cacheDir, environment: process.env, log }));
  return await chromium.launch({
    executablePath: program.command,
    env: { ...process.env, ...program.environment },
    args: [
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-quic',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}
