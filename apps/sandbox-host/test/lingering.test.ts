import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { Agent } from 'node:http';
import { Socket } from 'node:net';
import path from 'node:path';
import { createLogger } from '@switchyard/process';
import { afterEach, expect, test } from 'vitest';
import { defaultLimits } from '../src/limits.ts';
import { identifyProcess, isAlive } from '../src/process-identity.ts';
import { createRecords } from '../src/sandbox-record.ts';
import { createRegistry, defaultQuotas } from '../src/sandbox-registry.ts';
import type { SandboxRegistry } from '../src/sandbox-views.ts';
import { temporaryFolder } from './test-host.ts';

const logger = createLogger({ name: 'sandbox-host', level: 'silent' });
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** What hangs in the kernel cannot be made here: it is a process whose kill is given up at once. */
async function newRegistry(
  folder: string,
  started: ChildProcess[],
  records = createRecords(folder, logger),
): Promise<SandboxRegistry> {
  return createRegistry({
    records,
    logger,
    givesUserIds: false,
    hasOwnUserIds: false,
    limits: defaultLimits(),
    quotas: defaultQuotas,
    trouble: null,
    async start() {
      const child = spawn('sleep', ['600']);
      await once(child, 'spawn');
      started.push(child);
      cleanups.push(async () => child.kill('SIGKILL'));
      const identity = identifyProcess(child.pid ?? 0);
      if (!identity) throw new Error('It has ended.');
      return {
        identity,
        connect: () => new Socket(),
        agent: new Agent(),
        isAlive: () => isAlive(identity),
        kill: () => Promise.resolve(!isAlive(identity)),
        release: () => undefined,
      };
    },
    onStopped: () => Promise.resolve(),
    refusal: () => null,
  });
}

test('a sandbox whose processes do not end is neither started beside them nor removed, by a later host either', async () => {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  const started: ChildProcess[] = [];
  const registry = await newRegistry(folder.path, started);
  const { record } = await registry.create({ name: null, labels: {}, autoStopMinutes: null });
  await registry.stop(record.id);
  const refusal = { status: 503, message: 'The processes of this sandbox have not ended yet.' };
  await expect(registry.start(record.id)).rejects.toMatchObject(refusal);
  await expect(registry.remove(record.id)).rejects.toMatchObject(refusal);
  expect(started).toHaveLength(1);
  const records = createRecords(folder.path, logger);
  await access(records.folderOf(record.id));
  expect(await records.readIdentity(record.id)).toMatchObject({ pid: started[0]?.pid });

  started[0]?.kill('SIGKILL');
  await expect.poll(() => identifyProcess(started[0]?.pid ?? 0)).toBeNull();
  expect(await registry.start(record.id)).toMatchObject({ state: 'started' });
  expect(started).toHaveLength(2);
});

test('a sandbox that fails to start and does not end keeps its folder and its entry until it has ended', async () => {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  const started: ChildProcess[] = [];
  const records = createRecords(folder.path, logger);
  let writes = 0;
  const registry = await newRegistry(folder.path, started, {
    ...records,
    async writeIdentity(...parameters) {
      writes += 1;
      if (writes === 1) throw new Error('No space is left.');
      await records.writeIdentity(...parameters);
    },
  });
  const creation = registry.create({ name: 'mine', labels: {}, autoStopMinutes: null });
  await expect(creation).rejects.toThrow('No space is left.');
  const { record, state } = registry.find('mine');
  expect(state).toBe('stopped');
  const workspace = path.join(records.folderOf(record.id), 'workspace');
  await access(workspace);
  expect(await records.readIdentity(record.id)).toMatchObject({ pid: started[0]?.pid });
  await expect(registry.start(record.id)).rejects.toMatchObject({ status: 503 });
  await expect(registry.remove(record.id)).rejects.toMatchObject({ status: 503 });

  started[0]?.kill('SIGKILL');
  await expect.poll(() => identifyProcess(started[0]?.pid ?? 0)).toBeNull();
  expect(await registry.remove(record.id)).toMatchObject({ state: 'destroyed' });
  await expect(access(workspace)).rejects.toThrow('ENOENT');
});
