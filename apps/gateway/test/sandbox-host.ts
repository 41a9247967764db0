import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fetchBubblewrap, findBubblewrap } from '@switchyard/stand-ins';

/** Real sandboxes: the sandbox host as a process of its own, as the launcher starts it. */
export interface SandboxHost {
  readonly url: string;
  readonly apiKey: string;
  stop(): Promise<void>;
}

const root = path.resolve(import.meta.dirname, '../../..');
const apiKey = 'key-of-a-test-0123456789';

export async function startSandboxHost(): Promise<SandboxHost> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-gateway-sandboxes-'));
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
  return {
    url: await promise,
    apiKey,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
