import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { identifyProcess, isAlive, killProcess } from './process-identity.ts';

test('a living process is known by its id and start time, a dead one is not', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const identity = identifyProcess(child.pid ?? 0);
  expect(identity).toMatchObject({ pid: child.pid });
  if (!identity) return;
  expect(isAlive(identity)).toBe(true);
  expect(isAlive({ ...identity, startTime: '1' })).toBe(false);
  expect(await killProcess({ ...identity, startTime: '1' }, 1_000)).toBe(true);
  expect(isAlive(identity)).toBe(true);
  expect(await killProcess(identity, 5_000)).toBe(true);
  expect(isAlive(identity)).toBe(false);
});

test('nobody has an id that is not given out', () => {
  expect(identifyProcess(2 ** 22 + 1)).toBeNull();
});
