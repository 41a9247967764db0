import type { Daytona, Sandbox as DaytonaSandbox } from '@daytonaio/sdk';
import { AppError } from '@switchyard/protocol';
import { formatIncarnation } from './call-key.ts';
import { callService, type ServiceCall } from './call-service.ts';
import { createCallRecords } from './calls.ts';
import { createFileChanges } from './change-files.ts';
import { createFileReading } from './read-files.ts';
import { createRemoteSandbox } from './remote-sandbox.ts';
import { attachToCommand, type CommandRunner, runCommand } from './run-command.ts';
import type { Sandbox } from './sandbox.ts';
import { identifyScript } from './call-scripts.ts';
import { createStreamWriting } from './write-stream.ts';
import { SandboxGoneError } from './service-errors.ts';

export interface SandboxesOptions {
  /** The Daytona API, for example `https://app.daytona.io/api` or a sandbox host's `http://127.0.0.1:<port>`. */
  readonly apiUrl: string;
  readonly apiKey: string;
  /** The region, where the service has several. */
  readonly target?: string;
  /** The snapshot that new sandboxes are made from; the service's default otherwise. */
  readonly snapshot?: string;
  /** Of one request, in milliseconds (default 30,000). */
  readonly requestTimeoutMs?: number;
}

export interface OpenOptions {
  readonly projectId: string;
  /** The one that the project had last, if it is known. */
  readonly sandboxId: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface Sandboxes {
  /**
   * Finds the project's sandbox (by id, else by the name that the project gives it) or makes one, and starts it when
   * it is stopped. `AppError('sandbox_unavailable')` when no sandbox can be started here, `sandbox_failed` when the
   * service did not answer.
   */
  open(options: OpenOptions): Promise<Sandbox>;
  /** Lets go of the service; commands under way go on inside. */
  close(): Promise<void>;
}

const defaultRequestTimeoutMs = 30_000;
/** Making a sandbox from a snapshot or waking an archived one takes the real service up to a minute. */
const startTimeoutMs = 120_000;
/** Minutes without a request; the service's own default is 15, a model may think longer. */
const autoStopMinutes = 30;

/** Names are unique in the service, so two workers that make a project's sandbox at the same time end with one. */
const nameOf = (projectId: string): string => `switchyard-${projectId}`;

/** The states of the service, by what can be done about them; unknown ones are waited for like `starting`. */
function nextStep(
  state: string | undefined,
): 'use' | 'start' | 'wait' | 'wait-and-start' | 'replace' | 'give-up' {
  switch (state) {
    case 'started':
      return 'use';
    case 'stopped':
    case 'archived':
    case 'paused':
      return 'start';
    case 'stopping':
    case 'archiving':
    case 'pausing':
      return 'wait-and-start';
    case 'destroyed':
    case 'destroying':
      return 'replace';
    case 'error':
    case 'build_failed':
      return 'give-up';
    default:
      return 'wait';
  }
}

/** Sandboxes over the Daytona wire. Nothing is loaded or asked before the first `open`. */
export function createSandboxes(options: SandboxesOptions): Sandboxes {
  const requestTimeoutMs = options.requestTimeoutMs ?? defaultRequestTimeoutMs;
  let client: Promise<Daytona> | null = null;

  async function connect(): Promise<Daytona> {
    // 160 ms and 50 MB that a process without sandboxes does not spend.
    const { Daytona } = await import('@daytonaio/sdk');
    return new Daytona({
      apiUrl: options.apiUrl,
      apiKey: options.apiKey,
      requestTimeoutMs,
      // REST alone: no socket that waits for events.
      useDeprecatedPolling: true,
      ...(options.target === undefined ? {} : { target: options.target }),
    });
  }

  function request(what: string, signal: AbortSignal, isRepeatable: boolean): ServiceCall {
    return { what, signal, isRepeatable, timeoutMs: startTimeoutMs };
  }

  /** Null when there is none by that id or name. */
  async function find(
    daytona: Daytona,
    idOrName: string,
    signal: AbortSignal,
  ): Promise<DaytonaSandbox | null> {
    try {
      return await callService(request('find a sandbox', signal, true), () => daytona.get(idOrName));
    } catch (error) {
      if (error instanceof SandboxGoneError) return null;
      throw error;
    }
  }

  async function create(
    daytona: Daytona,
    { projectId, labels, signal }: OpenOptions,
  ): Promise<DaytonaSandbox> {
    const name = nameOf(projectId);
    try {
      return await callService(request('create a sandbox', signal, false), () =>
        daytona.create(
          {
            name,
            language: 'javascript',
            labels: { ...labels, 'switchyard-project': projectId },
            autoStopInterval: autoStopMinutes,
            ...(options.snapshot === undefined ? {} : { snapshot: options.snapshot }),
          },
          { timeout: startTimeoutMs / 1000 },
        ),
      );
    } catch (error) {
      signal.throwIfAborted();
      // Somebody else made it meanwhile, or our request arrived and its answer did not.
      const made = await find(daytona, name, signal);
      if (made) return made;
      throw error;
    }
  }

  async function makeReady(sandbox: DaytonaSandbox, signal: AbortSignal): Promise<void> {
    const start = (): Promise<void> =>
      callService(request('start a sandbox', signal, true), () => sandbox.start(startTimeoutMs / 1000));
    const step = nextStep(sandbox.state);
    switch (step) {
      case 'use':
        return undefined;
      case 'start':
        return start();
      case 'wait':
        return callService(request('wait for a sandbox', signal, true), () =>
          sandbox.waitUntilStarted(startTimeoutMs / 1000),
        );
      case 'wait-and-start':
        await callService(request('wait for a sandbox', signal, true), () =>
          sandbox.waitUntilStopped(startTimeoutMs / 1000),
        );
        return start();
      case 'replace':
      case 'give-up':
        throw new AppError('sandbox_failed', 'The sandbox of this project is broken.', {
          cause: new Error(`${sandbox.state}: ${sandbox.errorReason ?? 'no reason given'}`),
        });
    }
  }

  async function findOrCreate(daytona: Daytona, openOptions: OpenOptions): Promise<DaytonaSandbox> {
    const { sandboxId, projectId, signal } = openOptions;
    const candidates = sandboxId === null ? [nameOf(projectId)] : [sandboxId, nameOf(projectId)];
    for (const idOrName of candidates) {
      const found = await find(daytona, idOrName, signal);
      if (found && nextStep(found.state) !== 'replace') return found;
    }
    return create(daytona, openOptions);
  }

  async function prepare(daytona: Daytona, openOptions: OpenOptions): Promise<Sandbox> {
    const { signal } = openOptions;
    const sandbox = await findOrCreate(daytona, openOptions);
    await makeReady(sandbox, signal);
    const remote = createRemoteSandbox(sandbox, requestTimeoutMs);
    const { words } = await remote.runScript(identifyScript(), { what: 'identify a sandbox', signal });
    const incarnation = formatIncarnation(sandbox.id, words[1] ?? '');
    const runner: CommandRunner = { remote, incarnation, endedKeys: [] };
    const changes = mapAllGone(createFileChanges(remote));
    return {
      id: sandbox.id,
      incarnation,
      run: (commandOptions) => mapGone(runCommand(runner, commandOptions)),
      attachCall: (attachOptions) => mapGone(attachToCommand(remote, attachOptions)),
      ...mapAllGone(createFileReading(remote)),
      ...changes,
      ...mapAllGone(createStreamWriting(remote, changes)),
      previewUrl: (port, previewOptions) => mapGone(remote.previewUrl(port, previewOptions)),
      ...mapAllGone(createCallRecords(remote)),
    };
  }

  return {
    async open(openOptions) {
      client ??= connect();
      const daytona = await client;
      return mapGone(
        prepare(daytona, openOptions).catch((error: unknown) => {
          // It may have been stopped between two requests: what a second look finds is the truth.
          if (error instanceof SandboxGoneError) return prepare(daytona, openOptions);
          throw error;
        }),
      );
    },
    async close() {
      const daytona = await client;
      client = null;
      await daytona?.[Symbol.asyncDispose]();
    },
  };
}

/** To the callers of this package a sandbox that went away is a failed one: open it again. */
async function mapGone<Value>(result: Promise<Value>): Promise<Value> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof SandboxGoneError) {
      throw new AppError('sandbox_failed', 'The sandbox has stopped.', { cause: error });
    }
    throw error;
  }
}

type Operation = (...parameters: never[]) => Promise<unknown>;

function mapAllGone<Operations extends Record<keyof Operations, Operation>>(
  operations: Operations,
): Operations {
  return Object.fromEntries(
    Object.entries<Operation>(operations).map(([name, operation]) => [
      name,
      (...parameters: never[]) => mapGone(operation(...parameters)),
    ]),
  ) as Operations;
}
