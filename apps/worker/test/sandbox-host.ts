import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createSandboxes, type Sandboxes } from '@switchyard/sandbox';
import { fetchBubblewrap, findBubblewrap } from '@switchyard/stand-ins';

const root = path.resolve(import.meta.dirname, '../../..');
const apiKey = 'key-of-a-test-0123456789';

export interface SandboxHostProcess {
  readonly url: string;
  readonly apiKey: string;
  readonly sandboxes: Sandboxes;
  stop(): Promise<void>;
}

/** A sandbox host as a process of its own, and the production client to it. */
export async function startSandboxHost(): Promise<SandboxHostProcess> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-worker-test-'));
  const log = (line: string): unknown => process.stderr.write(`${line}\n`);
  const bubblewrap =
    (await findBubblewrap(process.env['PATH'] ?? '')) ??
    (await fetchBubblewrap({ cacheDir: path.join(root, '.cache'), log }));
  const child = spawn(process.execPath, [path.join(root, 'apps/sandbox-host/src/main.ts')], {
    env: {
      DATA_DIR: dataDir,
      DAYTONA_API_KEY: apiKey,
      BWRAP_PATH: bubblewrap.command,
      PATH: process.env['PATH'],
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const entry = JSON.parse(line) as { msg: string; url?: string };
    if (entry.msg === 'ready' && entry.url) resolve(entry.url);
  });
  child.once('exit', (code) => reject(new Error(`The sandbox host ended with ${code}.`)));
  const url = await promise;
  const sandboxes = createSandboxes({ apiUrl: url, apiKey });
  return {
    url,
    apiKey,
    sandboxes,
    async stop() {
      await sandboxes.close();
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
