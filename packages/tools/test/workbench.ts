import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Tool, ToolContext, ToolResult } from '@switchyard/agent';
import { createSandboxes, type Sandbox } from '@switchyard/sandbox';
import { fetchBubblewrap, findBubblewrap } from '@switchyard/stand-ins';

const root = path.resolve(import.meta.dirname, '../../..');

/** A real sandbox on a sandbox host of its own, and a way to call tools in it as the loop does. */
export interface Workbench {
  /** As it was started last. */
  readonly sandbox: Sandbox;
  call<Input>(tool: Tool<Input>, input: NoInfer<Input>, options?: CallOptions): Promise<ToolResult>;
  /** The bytes of a workspace file. */
  read(file: string): Promise<Buffer>;
  write(file: string, content: string | Uint8Array): Promise<void>;
  /** Stops the sandbox and starts it again: its files stay, its processes and its memory are gone. */
  restart(): Promise<void>;
  /** Opens it as another worker would. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly callId?: string;
  readonly threadId?: string;
  readonly signal?: AbortSignal;
  readonly onOutput?: (text: string) => void;
}

export async function openWorkbench(): Promise<Workbench> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-tools-test-'));
  const host = await startHost(dataDir);
  const sandboxes = createSandboxes({ apiUrl: host.url, apiKey: host.apiKey });
  const never = new AbortController().signal;
  const projectId = randomUUID();
  let sandbox = await sandboxes.open({ projectId, sandboxId: null, signal: never });

  return {
    get sandbox() {
      return sandbox;
    },
    call: (tool, input, options = {}) => {
      const callId = options.callId ?? randomUUID();
      const context: ToolContext = {
        callId,
        runId: 'run-of-a-test',
        threadId: options.threadId ?? 'thread-of-a-test',
        signal: options.signal ?? never,
        sandbox: () => Promise.resolve(sandbox),
        runningSandbox: () => sandbox,
        takeRestart: () => false,
        claim: (result) =>
          Promise.resolve({
            callId,
            incarnation: sandbox.incarnation,
            ...(result === undefined ? {} : { result }),
          }),
        emitOutput: (_, text) => options.onOutput?.(text),
        readTodos: () => [],
        readResult: () => null,
      };
      return tool.execute(tool.inputSchema.parse(input), context);
    },
    read: async (file) => Buffer.from((await sandbox.readFile(file, { signal: never })).bytes),
    write: (file, content) =>
      sandbox.writeFile({ path: file, bytes: Buffer.from(content as Uint8Array), signal: never }),
    async restart() {
      const headers = { authorization: `Bearer ${host.apiKey}` };
      const answer = await fetch(`${host.url}/sandbox/${sandbox.id}/stop`, { method: 'POST', headers });
      if (!answer.ok) throw new Error(`The sandbox was not stopped: ${answer.status}.`);
      sandbox = await sandboxes.open({ projectId, sandboxId: sandbox.id, signal: never });
    },
    async reopen() {
      sandbox = await sandboxes.open({ projectId, sandboxId: sandbox.id, signal: never });
    },
    async close() {
      await sandboxes.close();
      await host.stop();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** The host as the launcher starts it: tools know sandboxes, not who runs them. */
async function startHost(dataDir: string): Promise<{ url: string; apiKey: string; stop(): Promise<void> }> {
  const apiKey = 'key-of-a-test-0123456789';
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
  return {
    url,
    apiKey,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
