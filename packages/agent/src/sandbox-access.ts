import { AppError } from '@switchyard/protocol';
import type { Sandbox, Sandboxes } from '@switchyard/sandbox';
import type { FileRow } from '@switchyard/store';
import { copyAttachedFiles, type FileSource } from './attached-files.ts';
import type { RunStop } from './run-stop.ts';

/** One run's way to its project's sandbox. */
export interface SandboxAccess {
  /**
   * Creates or starts it on first use and copies the attached files in; calls at the same time share one opening.
   * @throws AppError `sandbox_unavailable`, `sandbox_limit` or `sandbox_failed`; the next call tries again
   */
  readonly open: () => Promise<Sandbox>;
  /** The sandbox when it was opened before, else null. */
  readonly running: () => Sandbox | null;
  /** Makes the next `open` look again: the sandbox did not answer. */
  readonly forget: () => void;
  /** Refuses a late start of a call that an earlier worker may still hold. Best effort. */
  readonly seal: (call: { readonly callId: string; readonly incarnation: string }) => Promise<void>;
}

/** Sealing must not hold up a run's end for long; a guess. */
const sealMs = 5000;

export function createSandboxAccess(options: {
  readonly sandboxes: Pick<Sandboxes, 'open'>;
  readonly source: FileSource;
  readonly project: { readonly id: string; readonly sandboxId: string | null };
  readonly files: readonly FileRow[];
  readonly stop: RunStop;
}): SandboxAccess {
  const { sandboxes, source, project, files, stop } = options;
  let sandboxId = project.sandboxId;
  let opening: Promise<Sandbox> | null = null;
  let opened: Sandbox | null = null;

  async function find(signal: AbortSignal, mayCreate: boolean): Promise<Sandbox> {
    const sandbox = await sandboxes.open({ projectId: project.id, sandboxId, mayCreate, signal });
    sandboxId = sandbox.id;
    return sandbox;
  }

  async function prepare(): Promise<Sandbox> {
    const sandbox = await find(stop.signal, true);
    await copyAttachedFiles({ sandbox, files, source, signal: stop.signal });
    opened = sandbox;
    return sandbox;
  }

  function forget(): void {
    opening = null;
    opened = null;
  }

  return {
    async open() {
      opening ??= prepare();
      try {
        return await opening;
      } catch (error) {
        forget();
        if (error instanceof AppError || stop.signal.aborted) throw error;
        throw new AppError('sandbox_failed', 'The sandbox did not answer.', { cause: error });
      }
    },
    running: () => opened,
    forget,
    async seal({ callId, incarnation }) {
      if (sandboxId === null) return;
      const signal = AbortSignal.any([AbortSignal.timeout(sealMs), stop.lost]);
      await (await find(signal, false)).sealCall(callId, incarnation, { signal });
    },
  };
}
