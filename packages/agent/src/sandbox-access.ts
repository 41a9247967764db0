import { AppError } from '@switchyard/protocol';
import { type Sandbox, type Sandboxes, sandboxIdOf } from '@switchyard/sandbox';
import type { FileRow } from '@switchyard/store';
import { copyAttachedFiles, type FileSource } from './attached-files.ts';
import type { RunStop } from './run-stop.ts';
import { throughOutages } from './store-outage.ts';

/** One run's way to its project's sandbox. */
export interface SandboxAccess {
  /**
   * Creates or starts it on first use and copies the attached files in; calls at the same time share one opening.
   * @throws AppError `sandbox_unavailable`, `sandbox_limit` or `sandbox_failed`; the next call tries again
   */
  readonly open: () => Promise<Sandbox>;
  /** As `open`, for a call that counts on what should be there: see `lostSandboxText`. @throws AppError `conflict`, once */
  readonly enter: () => Promise<Sandbox>;
  /** The sandbox when it was opened before, else null. */
  readonly running: () => Sandbox | null;
  /** Whether it was started anew since this thread used it last: processes and sessions are gone. True once. */
  readonly takeRestart: () => boolean;
  /** Makes the next `open` look again: the sandbox did not answer. */
  readonly forget: () => void;
  /** Refuses a late start of a call that an earlier worker may still hold. Best effort. */
  readonly seal: (call: { readonly callId: string; readonly incarnation: string }) => Promise<void>;
}

/** What the model reads in place of the first result after its sandbox was made anew. */
export const lostSandboxText =
  'Not run: the sandbox of this project was lost and had to be made anew. The workspace is empty but for the files that ' +
  'the user attached, which are there again. Whatever else was written, installed or started before is gone. Look at what ' +
  'is there and make again what you need; then call again.';

/** What the model reads in place of a result when attached files could not be copied. */
function notCopiedText(notCopied: readonly string[]): string {
  return `Not run: attached files could not be copied. ${notCopied.join(' ')} All else of the sandbox works; call again.`;
}

/** Sealing must not hold up a run's end for long; a guess. */
const sealMs = 5000;

export function createSandboxAccess(options: {
  readonly sandboxes: Pick<Sandboxes, 'open'>;
  readonly source: FileSource;
  readonly project: { readonly id: string; readonly sandboxId: string | null };
  readonly files: readonly FileRow[];
  /** Under which the thread used its sandbox last; null when it never did. */
  readonly lastIncarnation: () => Promise<string | null>;
  readonly stop: RunStop;
}): SandboxAccess {
  const { sandboxes, source, project, files, lastIncarnation, stop } = options;
  let sandboxId = project.sandboxId;
  let opening: Promise<Sandbox> | null = null;
  let opened: Sandbox | null = null;
  let hasLookedBack = false;
  let isLossUntold = false;
  let isRestartUntold = false;
  let lastUsed: string | null = null;
  let notCopied: readonly string[] = [];
  let isCopyTold = false;

  async function find(signal: AbortSignal, mayCreate: boolean): Promise<Sandbox> {
    const wanted = { projectId: project.id, sandboxId, mayCreate, signal };
    // What is remembered of sandboxes stands in the store: while that is away, a call waits as all else of a run does.
    const sandbox = await throughOutages(() => sandboxes.open(wanted), signal);
    if (sandboxId !== null && sandboxId !== sandbox.id) isLossUntold = true;
    sandboxId = sandbox.id;
    return sandbox;
  }

  async function prepare(): Promise<Sandbox> {
    const sandbox = await find(stop.signal, true);
    if (!hasLookedBack) {
      const last = await throughOutages(lastIncarnation, stop.signal);
      if (last !== null && sandboxIdOf(last) !== sandbox.id) isLossUntold = true;
      lastUsed = last;
      hasLookedBack = true;
    }
    if (lastUsed !== null && sandboxIdOf(lastUsed) === sandbox.id)
      isRestartUntold ||= lastUsed !== sandbox.incarnation;
    lastUsed = sandbox.incarnation;
    notCopied = await copyAttachedFiles({ sandbox, files, source, signal: stop.signal });
    opened = sandbox;
    return sandbox;
  }

  function forget(): void {
    opening = null;
    opened = null;
  }

  async function open(): Promise<Sandbox> {
    opening ??= prepare();
    try {
      return await opening;
    } catch (error) {
      forget();
      if (error instanceof AppError || stop.signal.aborted) throw error;
      throw new AppError('sandbox_failed', 'The sandbox did not answer.', { cause: error });
    }
  }

  return {
    open,
    async enter() {
      const sandbox = await open();
      if (isLossUntold) {
        isLossUntold = false;
        throw new AppError('conflict', lostSandboxText);
      }
      if (notCopied.length > 0 && !isCopyTold) {
        isCopyTold = true;
        throw new AppError('conflict', notCopiedText(notCopied));
      }
      return sandbox;
    },
    running: () => opened,
    takeRestart() {
      const wasUntold = isRestartUntold;
      isRestartUntold = false;
      return wasUntold;
    },
    forget,
    async seal({ callId, incarnation }) {
      if (sandboxId === null) return;
      const signal = AbortSignal.any([AbortSignal.timeout(sealMs), stop.lost]);
      await (await find(signal, false)).sealCall(callId, incarnation, { signal });
    },
  };
}
