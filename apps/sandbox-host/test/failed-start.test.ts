import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runIn, startTestHost, temporaryFolder } from './test-host.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

test('a start that fails leaves nothing behind, and takes nothing from the host that runs there', async () => {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  const dataDir = folder.path;
  const other = createServer().listen(0, '127.0.0.1');
  cleanups.push(async () => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await expect(startTestHost(dataDir, { port })).rejects.toThrow('EADDRINUSE');
  const stage = await readFile(path.join(dataDir, 'system', 'stage'), 'utf8');
  expect(stage).toContain('switchyard-stage-');
  expect(existsSync(stage)).toBe(false);

  const host = await startTestHost(dataDir);
  cleanups.push(host.close);
  await expect(startTestHost(dataDir, { port })).rejects.toThrow('EADDRINUSE');
  expect(await runIn(await host.open(randomUUID()), 'echo here')).toBe('here\n');
});
