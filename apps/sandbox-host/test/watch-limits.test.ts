import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createWatchedProcesses, kill } from './watched-processes.ts';

const mebibyte = 1024 * 1024;
const processes = createWatchedProcesses();
afterEach(() => processes.clear());

test('memory is watched on while a sandbox takes its time to stop', async () => {
  const slow = await processes.start('sleep 600', { limits: { files: 0 } });
  const hungry = await processes.start(`exec perl -e 'my $x = "a" x (60 * 1048576); sleep 600'`, {
    limits: { memoryBytes: 30 * mebibyte },
  });
  const { promise: stopped, resolve: letStop } = Promise.withResolvers<void>();
  const asked: string[] = [];
  processes.watch([slow, hungry], {
    stop: (id) => {
      asked.push(id);
      return stopped;
    },
  });
  await expect.poll(() => asked, { timeout: 20_000 }).toContain(slow.id);
  await expect.poll(() => kill(hungry.pid, 0), { timeout: 20_000 }).toBe(false);
  // One that is being stopped is not stopped a second time.
  expect(asked).toHaveLength(new Set(asked).size);
  letStop();
});

test('a workspace whose size cannot be told is stopped, and keeps no other from being measured', async () => {
  const lost = await processes.start('sleep 600', { workspace: '/nowhere/at/all' });
  const full = await processes.start('sleep 600', { limits: { files: 2 } });
  for (const name of ['one', 'two', 'three']) await writeFile(path.join(full.workspace, name), '');
  const asked = new Map<string, string>();
  processes.watch([full, lost], {
    stop: async (id, reason) => {
      asked.set(id, reason);
    },
  });
  await expect.poll(() => asked.get(full.id), { timeout: 20_000 }).toContain('too large');
  await expect.poll(() => asked.get(lost.id), { timeout: 20_000 }).toContain('could not be measured');
});
