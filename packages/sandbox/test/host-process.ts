import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fetchBubblewrap, findBubblewrap } from '@switchyard/stand-ins';
import { createSandboxes, type Sandboxes } from '../src/index.ts';

/** A sandbox host as a process of its own, as the launcher starts it. */
export interface HostProcess {
  readonly url: string;
  readonly apiKey: string;
  readonly dataDir: string;
  readonly sandboxes: Sandboxes;
  /** Ends the process; SIGTERM takes the sandboxes along, SIGKILL leaves them. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

const root = path.resolve(import.meta.dirname, '../../..');
const apiKey = 'key-of-a-test-0123456789';

async function bwrapPath(): Promise<string> {
  const found = await findBubblewrap(process.env['PATH'] ?? '');
  if (found) return found.command;
  const log = (line: string): unknown => process.stderr.write(`${line}\n`);
  return (await fetchBubblewrap({ cacheDir: path.join(root, '.cache'), log })).command;
}

/** An empty folder that every user may enter; removed by `remove`. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'switchyard-sandbox-test-'));
  return {
    path: folder,
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}

/** Starts a host over a data folder, which may hold the sandboxes of a former one. */
export async function startHostProcess(dataDir: string): Promise<HostProcess> {
  const child = spawn(process.execPath, [path.join(root, 'apps/sandbox-host/src/main.ts')], {
    env: {
      DATA_DIR: dataDir,
      DAYTONA_API_KEY: apiKey,
      BWRAP_PATH: await bwrapPath(),
      PATH: process.env['PATH'],
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  lines.on('line', (line) => {
    const entry = JSON.parse(line) as { msg: string; url?: string };
    if (entry.msg === 'ready' && entry.url) resolve(entry.url);
  });
  child.once('exit', (code) => reject(new Error(`The sandbox host ended with ${code}.`)));
  const url = await promise;
  const sandboxes = createSandboxes({ apiUrl: url, apiKey });
  return {
    url,
    apiKey,
    dataDir,
    sandboxes,
    async end(signal) {
      await sandboxes.close();
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
  };
}
