import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { createConnection, Socket } from 'node:net';
import { join } from 'node:path';
import type { Defence } from './defences.ts';
import { buildLaunch, type UnprivilegedUser } from './launch-command.ts';
import type { SandboxLimits } from './limits.ts';
import { identifyProcess, isAlive, killProcess, type ProcessIdentity } from './process-identity.ts';
import {
  buildInitCommand,
  buildWallArguments,
  type BwrapFeatures,
  type SystemFolder,
  type WallSources,
} from './wall.ts';

/** A sandbox that is up: the namespace's pid 1 as this machine sees it, and the way to its init. */
export interface Namespace {
  readonly identity: ProcessIdentity;
  /** A connection to the init; it fails with ECONNREFUSED once the namespace is released. */
  connect(): Socket;
  /** Keeps such connections for requests. */
  readonly agent: Agent;
  isAlive(): boolean;
  /** Kills every process of the sandbox; false when something still lives after the deadline. */
  kill(): Promise<boolean>;
  /** Closes the connections and lets the sandbox live. */
  release(): void;
}

/** bwrap did not start the init; the message ends with what it said. */
export class NamespaceError extends Error {
  constructor(output: string) {
    super(`The sandbox could not be started: ${output.trim() || 'no output'}`);
    this.name = 'NamespaceError';
  }
}

/** It could not be started, and what was started of it has not ended although it was killed. */
export class LingeringError extends Error {
  readonly identity: ProcessIdentity;

  constructor(identity: ProcessIdentity, cause: unknown) {
    super('The sandbox could not be started, and its processes have not ended.', { cause });
    this.name = 'LingeringError';
    this.identity = identity;
  }
}

export interface NamespaceOptions {
  readonly bwrapPath: string;
  readonly features: BwrapFeatures;
  readonly seccompPath: string;
  /** Written by bwrap, read by this process; the sandbox does not see it. */
  readonly infoPath: string;
  readonly sources: WallSources;
  readonly stage: string;
  readonly user: UnprivilegedUser | null;
  readonly cgroup: string | null;
  readonly limits: SandboxLimits;
  readonly systemFolders: readonly SystemFolder[];
  readonly defences: ReadonlySet<Defence>;
  /** What the starting process would have in its environment without the defence against it. */
  readonly environment: Readonly<Record<string, string>>;
}

const readyTimeoutMs = 10_000;
const killTimeoutMs = 5_000;
/** bwrap says what is wrong in its first line. */
const maxMessageLength = 500;
/** O_PATH (open(2)), which Node does not name: the file is named, not opened. */
const openPathOnly = 0o10000000;

/**
 * Opens the way to the init. The folder of the socket belongs to the sandbox, which may put anything in its place, a
 * link to a socket of this machine above all: so the path is looked up once, links refused, and the connections go
 * through the descriptor.
 */
function openSocket(runFolder: string): { readonly path: string; close(): void } {
  const fd = openSync(join(runFolder, 'init.sock'), openPathOnly | constants.O_NOFOLLOW);
  if (!fstatSync(fd).isSocket()) {
    closeSync(fd);
    throw new NamespaceError('The init has no socket.');
  }
  return { path: `/proc/self/fd/${fd}`, close: () => closeSync(fd) };
}

/** Takes over a namespace that is already up: one just started, or one that a former host process left. */
export function adoptNamespace(identity: ProcessIdentity, runFolder: string): Namespace {
  const socket = openSocket(runFolder);
  // More than a project ever has commands in flight; the init never closes a connection itself.
  const agent = new Agent({ keepAlive: true, maxSockets: 64, keepAliveMsecs: 60_000 });
  agent.createConnection = connect;
  let isReleased = false;
  function connect(): Socket {
    if (!isReleased) return createConnection(socket.path);
    // The descriptor's number may lead to another sandbox by now.
    const refusal = Object.assign(new Error('The sandbox has been left.'), { code: 'ECONNREFUSED' });
    return new Socket().destroy(refusal);
  }
  function release(): void {
    if (isReleased) return;
    isReleased = true;
    agent.destroy();
    socket.close();
  }
  return {
    identity,
    connect,
    agent,
    isAlive: () => isAlive(identity),
    async kill() {
      release();
      return killProcess(identity, killTimeoutMs);
    },
    release,
  };
}

/** Starts a namespace in a session of its own, so that it outlives this process. Throws NamespaceError, LingeringError. */
export async function startNamespace(options: NamespaceOptions): Promise<Namespace> {
  const launch = buildLaunch(options);
  const { file, arguments: launchArguments } = launch.command([
    '--args',
    '0',
    '--',
    ...buildInitCommand(options.defences, options.limits),
  ]);
  const fds: number[] = [];
  let child: ChildProcess;
  try {
    fds.push(openSync(options.seccompPath, 'r'));
    // A file: were it a pipe, this process's death would end bwrap between two steps and leave a half-made namespace.
    fds.push(openSync(options.infoPath, 'w', 0o600));
    child = spawn(file, launchArguments, {
      cwd: '/',
      detached: true,
      env: options.defences.has('empty-environment') ? {} : options.environment,
      stdio: ['pipe', 'pipe', 'pipe', ...fds],
    });
  } finally {
    for (const fd of fds) closeSync(fd);
  }
  child.unref();
  const { stdin: input, stdout: output, stderr: messages } = child;
  if (!input || !output || !messages) throw new NamespaceError('The process has no pipes.');

  let said = '';
  messages.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, maxMessageLength);
  });
  const wallArguments = buildWallArguments({
    sources: launch.sources,
    features: options.features,
    defences: options.defences,
    systemFolders: options.systemFolders,
    seccompFd: 3,
    infoFd: 4,
  });
  // Arguments go by descriptor: on the command line the guest would read this machine's paths in /proc/1/cmdline.
  input.on('error', () => undefined);
  input.end(wallArguments.map((argument) => `${argument}\0`).join(''));

  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(new NamespaceError(said));
      timer = setTimeout(fail, readyTimeoutMs);
      child.once('error', (error) => reject(new NamespaceError(error.message)));
      child.once('close', fail);
      output.once('data', () => resolve());
    });
    const identity = identifyProcess(await readPid(options.infoPath));
    if (!identity) throw new NamespaceError('The sandbox ended at once.');
    return adoptNamespace(identity, options.sources.run);
  } catch (error) {
    killGroup(child.pid);
    // Behind bwrap stands a session of its own.
    const started = identifyProcess(await readPid(options.infoPath));
    if (started && !(await killProcess(started, killTimeoutMs))) throw new LingeringError(started, error);
    throw error;
  } finally {
    clearTimeout(timer);
    child.removeAllListeners();
    // From here on nobody reads what the guest writes there, and it cannot fill anything.
    output.destroy();
    messages.destroy();
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** The namespace's pid 1 as this machine sees it; bwrap has written it long before the init is ready. */
async function readPid(infoPath: string): Promise<number> {
  const text = await readFile(infoPath, 'utf8').catch(() => '');
  return Number(/"child-pid":\s*(\d+)/.exec(text)?.[1] ?? 0);
}
