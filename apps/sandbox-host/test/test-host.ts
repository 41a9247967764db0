import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLogger } from '@switchyard/process';
import { createSandboxes, type Sandbox, type Sandboxes } from '@switchyard/sandbox';
import { fetchBubblewrap, findBubblewrap } from '@switchyard/stand-ins';
import { type SandboxHost, type SandboxHostOptions, startSandboxHost } from '../src/start-host.ts';

export const apiKey = 'key-of-a-test-0123456789';

/** A host in this process, with a client. */
export interface TestHost {
  readonly host: SandboxHost;
  readonly sandboxes: Sandboxes;
  readonly open: (projectId: string) => Promise<Sandbox>;
  readonly close: () => Promise<void>;
}

async function findOrFetchBwrap(): Promise<string> {
  const found = await findBubblewrap(process.env['PATH'] ?? '');
  if (found) return found.command;
  const cacheDir = path.resolve(import.meta.dirname, '../../../.cache');
  const log = (line: string): unknown => process.stderr.write(`${line}\n`);
  return (await fetchBubblewrap({ cacheDir, log })).command;
}

/** The bwrap of this machine, or a fetched one. */
export const bwrap = findOrFetchBwrap();

/** A folder that every user may enter (its content is the tests' own affair). */
export async function temporaryFolder(prefix = 'switchyard-host-test-'): Promise<{
  path: string;
  readonly remove: () => Promise<void>;
}> {
  const folder = await mkdtemp(path.join(tmpdir(), prefix));
  return {
    path: folder,
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}

export async function startTestHost(
  dataDir: string,
  options: Partial<SandboxHostOptions> = {},
): Promise<TestHost> {
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    apiKey,
    dataDir,
    bwrapPath: await bwrap,
    logger: createLogger({ name: 'sandbox-host', level: 'silent' }),
    ...options,
  });
  const sandboxes = createSandboxes({ apiUrl: host.url, apiKey });
  return {
    host,
    sandboxes,
    open: (projectId) => sandboxes.open({ projectId, sandboxId: null, signal: new AbortController().signal }),
    async close() {
      await sandboxes.close();
      await host.close();
    },
  };
}

/** What the command printed. */
export async function runIn(sandbox: Sandbox, command: string): Promise<string> {
  const result = await sandbox.run({ command, timeoutMs: 30_000, signal: new AbortController().signal });
  return result.output;
}
