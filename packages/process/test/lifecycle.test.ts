import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

function start(...parameters: string[]) {
  const fixture = fileURLToPath(new URL('lifecycle-process.ts', import.meta.url));
  const child = spawn(process.execPath, [fixture, ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, exited: once(child, 'exit'), output: () => output };
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s stops in order and exits with 0', async (signal) => {
  const { child, exited, output } = start();
  await expect.poll(output, { timeout: 10_000 }).toContain('"ready"');
  child.kill(signal);
  expect(await exited).toEqual([0, null]);
  expect(output()).toContain('"stopped"');
});

test('an uncaught error is logged, stops in order and exits with 1', async () => {
  const { exited, output } = start('throws');
  expect(await exited).toEqual([1, null]);
  expect(output()).toContain('fatal error');
  expect(output()).toContain('"stopped"');
});

test('a reader of its output that goes away does not end it', async () => {
  const { child, exited, output } = start();
  await expect.poll(output, { timeout: 10_000 }).toContain('"alive"');
  child.stdout.destroy();
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
