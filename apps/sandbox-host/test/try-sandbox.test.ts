import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { bwrap } from './test-host.ts';

interface Trial {
  readonly trouble: { readonly reason: string; readonly remedy: string } | null;
  readonly startMs: number;
  readonly weaknesses: readonly string[];
}

async function trySandbox(bwrapPath: string): Promise<Trial> {
  const script = path.resolve(import.meta.dirname, '../src/try-sandbox.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, bwrapPath]);
  return JSON.parse(stdout) as Trial;
}

test('a trial starts a sandbox and names what is weaker here', async () => {
  const trial = await trySandbox(await bwrap);
  expect(trial.trouble).toBeNull();
  expect(trial.startMs).toBeGreaterThan(0);
  const isRoot = process.getuid?.() === 0;
  expect(trial.weaknesses.some((text) => text.includes('one user'))).toBe(!isRoot);
});

test('a trial that fails says why, and what to do', async () => {
  const trial = await trySandbox('/bin/false');
  expect(trial.trouble?.reason).toMatch(/\.$/);
  expect(trial.trouble?.remedy).not.toBe('');
});
