import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { allDefences } from '../src/defences.ts';
import { defaultLimits } from '../src/limits.ts';
import { adoptNamespace, startNamespace } from '../src/namespace.ts';
import { identifyProcess } from '../src/process-identity.ts';
import { pingInit } from '../src/toolbox-proxy.ts';
import { temporaryFolder } from './test-host.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A program that listens where an init does, and counts who asks. */
async function newInit(): Promise<{ readonly folder: string; readonly server: Server; asked: () => number }> {
  const folder = await temporaryFolder();
  let count = 0;
  const server = createServer((_request, response) => {
    count += 1;
    response.end('{}');
  });
  server.listen(path.join(folder.path, 'init.sock'));
  await once(server, 'listening');
  cleanups.push(folder.remove, async () => {
    server.closeAllConnections();
    server.close();
  });
  return { folder: folder.path, server, asked: () => count };
}

test('a sandbox that was left is not reached any more, nor another one in its place', async () => {
  const identity = identifyProcess(process.pid);
  if (!identity) throw new Error('This process is not alive.');
  const [one, other] = [await newInit(), await newInit()];
  const left = adoptNamespace(identity, one.folder);
  expect(await pingInit(left, 5_000)).toBe(true);
  left.release();
  // The lowest free descriptor is given out next: the number that the first one had.
  const next = adoptNamespace(identity, other.folder);
  expect(await pingInit(left, 5_000)).toBe(false);
  expect(other.asked()).toBe(0);
  expect(await pingInit(next, 5_000)).toBe(true);
  expect([one.asked(), other.asked()]).toEqual([1, 1]);
  next.release();
});

test('a start that fails before anything is started keeps no file open', async () => {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  const seccompPath = path.join(folder.path, 'filter');
  await writeFile(seccompPath, '');
  const start = startNamespace({
    bwrapPath: '/nowhere',
    features: { canLimitSize: true, canDisableNesting: true },
    seccompPath,
    infoPath: path.join(folder.path, 'missing', 'bwrap.json'),
    sources: { workspace: '/', run: '/', egress: null, node: '/', inside: '/', etc: '/' },
    stage: folder.path,
    user: null,
    cgroup: null,
    limits: defaultLimits(),
    systemFolders: [],
    defences: new Set(allDefences),
    environment: {},
  });
  await expect(start).rejects.toThrow('ENOENT');
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return null;
    }
  });
  expect(open).not.toContain(seccompPath);
});
