import { randomUUID } from 'node:crypto';
import type { ToolContext } from '@switchyard/agent';
import { createSandboxes, type Sandbox, type Sandboxes } from '@switchyard/sandbox';
import { allTools } from '@switchyard/tools';
import type { Fleet } from '../fleet/fleet.ts';
import { descendantsOf, proportionalBytes } from './process-memory.ts';

/** In ms, one for each round; of a sandbox host with nothing else to do. */
export interface SandboxTimes {
  /** From the first wish for a sandbox to the end of its first command. */
  readonly created: readonly number[];
  /** The same of one that was stopped. */
  readonly restarted: readonly number[];
  /** Of a call, from the tool's side: no model, no store. */
  readonly tools: Readonly<Record<'read_file' | 'write_file' | 'shell', readonly number[]>>;
  readonly many: {
    readonly count: number;
    readonly failures: number;
    /** Until the last one's first command has ended. */
    readonly allReadyMs: number;
    /** Of all processes of an idle one; null when there were failures. */
    readonly idleBytes: number | null;
  };
}

const never = new AbortController().signal;

/** Makes, stops, uses and multiplies sandboxes as a worker does. */
export async function measureSandboxes(
  { services: { sandboxHost } }: Fleet,
  { rounds, calls, many }: { readonly rounds: number; readonly calls: number; readonly many: number },
): Promise<SandboxTimes> {
  const sandboxes = createSandboxes({ apiUrl: sandboxHost.url, apiKey: sandboxHost.apiKey });
  const stop = async (id: string) => {
    const headers = { authorization: `Bearer ${sandboxHost.apiKey}` };
    const answer = await fetch(`${sandboxHost.url}/sandbox/${id}/stop`, { method: 'POST', headers });
    if (!answer.ok) throw new Error(`A sandbox was not stopped: ${await answer.text()}`);
  };
  try {
    // The client's own library is loaded once.
    const first = await open(sandboxes, randomUUID());
    const tools = {
      read_file: await timeCalls(first, 'read_file', calls),
      write_file: await timeCalls(first, 'write_file', calls),
      shell: await timeCalls(first, 'shell', calls),
    };
    await stop(first.id);
    const created: number[] = [];
    const restarted: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const projectId = randomUUID();
      const sandbox = await timed(created, () => open(sandboxes, projectId));
      await stop(sandbox.id);
      await stop((await timed(restarted, () => open(sandboxes, projectId))).id);
    }
    return { created, restarted, tools, many: await measureMany(sandboxes, many, sandboxHost.pid()) };
  } finally {
    await sandboxes.close();
  }
}

async function open(sandboxes: Sandboxes, projectId: string): Promise<Sandbox> {
  const sandbox = await sandboxes.open({ projectId, sandboxId: null, signal: never });
  const { exitCode } = await sandbox.run({ command: 'true', timeoutMs: 60_000, signal: never });
  if (exitCode !== 0) throw new Error(`The first command of a sandbox ended with ${exitCode}.`);
  return sandbox;
}

async function timed<Value>(times: number[], work: () => Promise<Value>): Promise<Value> {
  const startedAt = performance.now();
  const value = await work();
  times.push(performance.now() - startedAt);
  return value;
}

async function measureMany(
  sandboxes: Sandboxes,
  count: number,
  hostPid: number,
): Promise<SandboxTimes['many']> {
  const startedAt = performance.now();
  const opened = await Promise.allSettled(Array.from({ length: count }, () => open(sandboxes, randomUUID())));
  const allReadyMs = performance.now() - startedAt;
  const failures = opened.filter(({ status }) => status === 'rejected').length;
  const bytes = descendantsOf(hostPid).reduce((sum, pid) => sum + proportionalBytes(pid), 0);
  return { count, failures, allReadyMs, idleBytes: failures === 0 ? bytes / count : null };
}

const content = 'A line of a file that an agent reads.\n'.repeat(50);
const inputs = {
  write_file: { path: 'bench.txt', content },
  read_file: { path: 'read.txt' },
  shell: { command: 'echo done' },
};

async function timeCalls(sandbox: Sandbox, name: keyof typeof inputs, calls: number): Promise<number[]> {
  const tool = allTools.find((one) => one.name === name);
  if (!tool) throw new Error(`There is no tool ${name}.`);
  await sandbox.writeFile({ path: 'read.txt', bytes: Buffer.from(content), signal: never });
  const times: number[] = [];
  for (let call = 0; call < calls; call += 1) {
    const callId = randomUUID();
    const context: ToolContext = {
      callId,
      runId: 'bench',
      threadId: 'bench',
      signal: never,
      sandbox: () => Promise.resolve(sandbox),
      runningSandbox: () => sandbox,
      takeRestart: () => false,
      claim: (result) =>
        Promise.resolve({
          callId,
          incarnation: sandbox.incarnation,
          ...(result === undefined ? {} : { result }),
        }),
      emitOutput: () => undefined,
      readTodos: () => [],
      readResult: () => null,
    };
    const input = tool.inputSchema.parse(inputs[name]);
    const result = await timed(times, () => tool.execute(input, context));
    if (result.outcome === 'error') throw new Error(`${name}: ${result.message}`);
  }
  // The first call of a tool loads what it needs.
  return times.slice(1);
}
