import { AppError } from '@switchyard/protocol';
import { type Sandbox, type Sandboxes, sandboxIdOf } from '@switchyard/sandbox';
import type { FileRow } from '@switchyard/store';
import { copyAttachedFiles, type FileSource, type NotCopied } from './attached-files.ts';
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

/** What the model reads in place of the first result after its sandbox was made anew; `missing` in sentences. */
export function lostSandboxText(missing: readonly string[]): string {
  const files =
    missing.length === 0
      ? 'which are there again.'
      : `of which some could not be copied again. ${missing.join(' ')}`;
  return `Not run: the sandbox of this project was lost and had to be made anew. The workspace is empty but for the files that the user attached, ${files} Whatever else was written, installed or started before is gone. Look at what is there and make again what you need; then call again.`;
}

/** What the model reads in place of a result when files of the message that it works on could not be copied. */
function notCopiedText(missing: readonly string[]): string {
  return `Not run: attached files could not be copied. ${missing.join(' ')} All else of the sandbox works; call again.`;
}

/** Sealing must not hold up a run's end for long; a guess. */
const sealMs = 5000;

export function createSandboxAccess(options: {
  readonly sandboxes: Pick<Sandboxes, 'open'>;
  readonly source: FileSource;
  readonly project: { readonly id: string; readonly sandboxId: string | null };
  /** All that the project has; `newFiles` are those of the message that the run answers. */
  readonly files: readonly FileRow[];
  readonly newFiles: readonly FileRow[];
  /** Whether the run has that error in place of a result already: from the worker before. */
  readonly wasTold: (errorText: string) => boolean;
  /** Under which the thread used its sandbox last; null when it never did. */
  readonly lastIncarnation: () => Promise<string | null>;
  readonly stop: RunStop;
}): SandboxAccess {
  const { sandboxes, source, project, files, newFiles, wasTold, lastIncarnation, stop } = options;
  let sandboxId = project.sandboxId;
  let opening: Promise<Sandbox> | null = null;
  let opened: Sandbox | null = null;
  let hasLookedBack = false;
  let isLossUntold = false;
  let isRestartUntold = false;
  let lastUsed: string | null = null;
  let notCopied: readonly NotCopied[] = [];
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
    notCopied = await copyAttachedFiles({ sandbox, files, source, isAwaited: isNew, signal: stop.signal });
    opened = sandbox;
    return sandbox;
  }

  function isNew({ id }: FileRow): boolean {
    return newFiles.some((file) => file.id === id);
  }

  /** Files of former messages are missed when they are looked for: a later run is not held up by them. */
  function tellOfMissing(): void {
    if (isCopyTold) return;
    const missing = notCopied.filter(({ file }) => isNew(file)).map(({ sentence }) => sentence);
    if (missing.length === 0) return;
    isCopyTold = true;
    const text = notCopiedText(missing);
    if (!wasTold(text)) throw new AppError('conflict', text);
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
        isCopyTold = true;
        throw new AppError('conflict', lostSandboxText(notCopied.map(({ sentence }) => sentence)));
      }
      tellOfMissing();
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
