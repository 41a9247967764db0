import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findRunningLauncher, lockInstance } from './instance-lock.ts';
import { identify, isAlive } from './process-identity.ts';

async function makeDataDir(): Promise<string> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-lock-'));
  onTestFinished(() => rm(dataDir, { recursive: true }));
  return dataDir;
}

test('the second claim of a data directory names the process that has it; after the release it is free', async () => {
  const dataDir = await makeDataDir();
  const lock = await lockInstance(dataDir);
  await expect(lockInstance(dataDir)).rejects.toThrow(`process ${process.pid}`);
  expect((await findRunningLauncher(dataDir))?.pid).toBe(process.pid);
  await lock.release();
  expect(await findRunningLauncher(dataDir)).toBeNull();
  await (await lockInstance(dataDir)).release();
});

test('of two claims at once only one succeeds', async () => {
  const dataDir = await makeDataDir();
  const outcomes = await Promise.allSettled([
    lockInstance(dataDir),
    lockInstance(dataDir),
    lockInstance(dataDir),
  ]);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('a claim waits for the processes that a killed launcher has left', async () => {
  const dataDir = await makeDataDir();
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const leftOver = identify(child.pid ?? 0);
  const dead = { pid: 2 ** 22 - 1, startTime: '1' };
  await writeFile(path.join(dataDir, 'launcher.json'), JSON.stringify({ ...dead, children: [leftOver] }));
  let isLocked = false;
  const locking = lockInstance(dataDir).then((lock) => {
    isLocked = true;
    return lock;
  });
  await expect.poll(() => isAlive(leftOver)).toBe(true);
  expect(isLocked).toBe(false);
  child.kill('SIGKILL');
  await (await locking).release();
});

test('a torn file, and a pid that somebody else has now, are no launcher', async () => {
  const dataDir = await makeDataDir();
  const file = path.join(dataDir, 'launcher.json');
  await writeFile(file, '{"pid":');
  await (await lockInstance(dataDir)).release();
  await writeFile(file, JSON.stringify({ pid: process.pid, startTime: '1', children: [] }));
  expect(await findRunningLauncher(dataDir)).toBeNull();
  await (await lockInstance(dataDir)).release();
});
