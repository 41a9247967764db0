import { setTimeout as delay } from 'node:timers/promises';
import type { Sandbox as DaytonaSandbox } from '@daytonaio/sdk';
import { AppError } from '@switchyard/protocol';
import { formatIncarnation } from './call-key.ts';
import { createBackgroundCommands } from './background-commands.ts';
import { createCallRecords } from './calls.ts';
import { createFileChanges } from './change-files.ts';
import { createFileReading } from './read-files.ts';
import { createRemoteSandbox } from './remote-sandbox.ts';
import { attachToCommand, type CommandRunner, runCommand } from './run-command.ts';
import type { Sandbox } from './sandbox.ts';
import { createFileSearch } from './search.ts';
import { identifyScript } from './call-scripts.ts';
import { createStreamWriting } from './write-stream.ts';
import { makeReady } from './make-ready.ts';
import { createOwnRecords } from './own-records.ts';
import { LeaseLostError, withSandboxLease } from './sandbox-lease.ts';
import type { SandboxRecords } from './sandbox-records.ts';
import {
  createSandboxService,
  defaultRequestTimeoutMs,
  defaultStartTimeoutMs,
  type SandboxServiceOptions,
} from './sandbox-service.ts';
import { nextStep } from './sandbox-states.ts';
import { DeadlineError, SandboxGoneError, sortFailure, StateConflictError } from './service-errors.ts';

export interface SandboxesOptions extends SandboxServiceOptions {
  /** Shared by all processes that open sandboxes; without them this one must be alone. */
  readonly records?: SandboxRecords;
  /** How long a sandbox is left alone after its starter died, in milliseconds (default 10,000). */
  readonly leaseMs?: number;
}

export interface OpenOptions {
  readonly projectId: string;
  /** The one that the project had last, if it is known: saves a look when it still runs. */
  readonly sandboxId: string | null;
  /** Default true. Else nothing is made for a project whose sandbox is gone: `not_found`. */
  readonly mayCreate?: boolean;
  readonly signal: AbortSignal;
}

export interface Sandboxes {
  /**
   * The project's sandbox, running: found, or made on first use, started, mended or, when it is broken or gone, made anew
   * (which its id shows). `sandbox_unavailable` when no sandbox can be started here, `sandbox_limit` when there is no
   * place for it now, `sandbox_failed` when the service did not answer or did not manage, `not_found` when there is no
   * such project.
   */
  open(options: OpenOptions): Promise<Sandbox>;
  /**
   * Removes the sandbox of that name, which no project has any more. `absent` when there was none; one that is `removed`
   * may take a moment to go. Throws as `open`.
   */
  remove(name: string, options: { readonly signal: AbortSignal }): Promise<'removed' | 'absent'>;
  /** Lets go of the service; commands under way go on inside. */
  close(): Promise<void>;
}

/** Longer than the commands that bring one up; a crash in between delays the next opening by so much. A guess. */
const defaultLeaseMs = 10_000;
/** Beyond the time of one start, for the looks before and after it. */
const openExtraMs = 30_000;
const minPauseMs = 50;
const maxPauseMs = 500;

/** Sandboxes over the Daytona wire. Nothing is loaded or asked before the first call. */
export function createSandboxes(options: SandboxesOptions): Sandboxes {
  const { requestTimeoutMs = defaultRequestTimeoutMs, startTimeoutMs = defaultStartTimeoutMs } = options;
  const { records = createOwnRecords(), leaseMs = defaultLeaseMs } = options;
  const service = createSandboxService(options);
  const maker = { service, records, leaseMs };

  /** Under the project's lease, whoever has it now. */
  async function bringUp({ projectId, mayCreate = true }: OpenOptions, signal: AbortSignal) {
    for (let pauseMs = minPauseMs; ; pauseMs = Math.min(maxPauseMs, pauseMs * 2)) {
      signal.throwIfAborted();
      try {
        const made = await withSandboxLease(records, { projectId, forMs: leaseMs, signal }, (lease) =>
          makeReady(maker, lease, { mayCreate }),
        );
        if (made.outcome === 'done') return made.value;
        if (made.outcome === 'gone') throw new AppError('not_found', 'The project does not exist.');
      } catch (error) {
        // Whoever has it now brings it up; or nobody, and it is ours again.
        if (!(error instanceof LeaseLostError)) throw error;
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async function connect(sandbox: DaytonaSandbox, signal: AbortSignal): Promise<Sandbox> {
    const remote = createRemoteSandbox(sandbox, requestTimeoutMs);
    const { words } = await remote.runScript(identifyScript(), { what: 'identify a sandbox', signal });
    const incarnation = formatIncarnation(sandbox.id, words[1] ?? '');
    const changes = mapAllGone(createFileChanges(remote));
    const runner: CommandRunner = { remote, incarnation, endedKeys: [] };
    return {
      id: sandbox.id,
      incarnation,
      run: (commandOptions) => mapGone(runCommand(runner, commandOptions)),
      attachCall: (attachOptions) => mapGone(attachToCommand(remote, attachOptions)),
      ...mapAllGone(createFileReading(remote)),
      ...changes,
      ...mapAllGone(createStreamWriting(remote, changes)),
      ...mapAllGone(createFileSearch(remote)),
      previewUrl: (port, previewOptions) => mapGone(remote.previewUrl(port, previewOptions)),
      ...mapAllGone(createCallRecords(remote)),
      ...mapAllGone(createBackgroundCommands(remote, incarnation)),
    };
  }

  /** Null unless it runs and still is the project's: then nobody need be asked for a lease. */
  async function useRunning(
    { projectId, sandboxId }: OpenOptions,
    signal: AbortSignal,
  ): Promise<Sandbox | null> {
    if (sandboxId === null) return null;
    const found = await service.find(sandboxId, signal);
    if (!found || nextStep(found) !== 'use') return null;
    const [sandbox, isCurrent] = await Promise.all([
      connect(found, signal),
      records.noteUse(projectId, sandboxId),
    ]);
    return isCurrent ? sandbox : null;
  }

  async function open(openOptions: OpenOptions): Promise<Sandbox> {
    const timeoutMs = startTimeoutMs + openExtraMs;
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new DeadlineError('opening a sandbox', timeoutMs)),
      timeoutMs,
    );
    const signal = AbortSignal.any([openOptions.signal, deadline.signal]);
    const attempt = async (): Promise<Sandbox> =>
      (await useRunning(openOptions, signal)) ?? (await connect(await bringUp(openOptions, signal), signal));
    try {
      return await attempt().catch((error: unknown) => {
        // It may have been stopped between two requests: what a second look finds is the truth.
        if (error instanceof SandboxGoneError) return attempt();
        throw error;
      });
    } catch (error) {
      throw error instanceof DeadlineError ? sortFailure(error).error : error;
    } finally {
      clearTimeout(timer);
    }
  }

  async function remove(name: string, signal: AbortSignal): Promise<'removed' | 'absent'> {
    const found = await service.find(name, signal);
    if (!found) return 'absent';
    if (found.state !== 'destroying' && found.state !== 'destroyed') await service.remove(found, signal);
    return 'removed';
  }

  return {
    open: (openOptions) => mapGone(open(openOptions)),
    remove: (name, { signal }) => mapGone(remove(name, signal)),
    close: () => service.close(),
  };
}

/** To the callers of this package a sandbox that went away is a failed one: open it again. */
async function mapGone<Value>(result: Promise<Value>): Promise<Value> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof SandboxGoneError || error instanceof StateConflictError) {
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
