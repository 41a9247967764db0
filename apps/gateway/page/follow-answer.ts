import { applyChunks, type Client, SwitchyardError } from '@switchyard/client';
import type { Chunk, DataParts, SwitchyardMessage } from '@switchyard/protocol';

/** What a frame of the screen shows anew. */
export interface AnswerUpdate {
  readonly message: SwitchyardMessage;
  /** The stream began anew: live output is sent again too. */
  readonly isReplay: boolean;
  readonly outputs: readonly DataParts['tool-output'][];
  /** The newest word on the run's status and its place in the queue. */
  readonly run: DataParts['run'] | null;
  /** Calls that ended: files may have changed. */
  readonly hasResults: boolean;
  /** Steps that ended: usage may be known. */
  readonly hasSteps: boolean;
}

/** A tab that nobody sees has no frames; it is drawn this often, so that little waits when somebody looks. */
const hiddenFrameMs = 500;

/**
 * Follows a run to its end and tells what changed at most once a frame, however many chunks came. Rejects with
 * SwitchyardError for what reconnecting does not mend, and the signal's reason.
 */
export async function followAnswer(
  api: Pick<Client, 'followRun'>,
  {
    runId,
    signal,
    onUpdate,
  }: {
    readonly runId: string;
    readonly signal: AbortSignal;
    readonly onUpdate: (update: AnswerUpdate) => void;
  },
): Promise<void> {
  let message: SwitchyardMessage | undefined;
  let waiting: Chunk[] = [];
  let isScheduled = false;
  let connection = new AbortController();

  function draw(): void {
    if (signal.aborted || waiting.length === 0) return;
    const chunks = waiting;
    waiting = [];
    const start = chunks.findLastIndex(({ type }) => type === 'start');
    const fresh = chunks.slice(Math.max(0, start));
    const isReplay = start >= 0;
    const next = applyChunks(isReplay ? undefined : message, fresh);
    message = next;
    onUpdate({
      message: next,
      isReplay,
      outputs: fresh.flatMap((chunk) => (chunk.type === 'data-tool-output' ? [chunk.data] : [])),
      run: chunks.findLast((chunk) => chunk.type === 'data-run')?.data ?? null,
      hasResults: fresh.some(({ type }) => type === 'tool-output-available' || type === 'tool-output-error'),
      hasSteps: fresh.some(({ type }) => type === 'finish-step'),
    });
  }

  function drawFrame(): void {
    isScheduled = false;
    try {
      draw();
    } catch (error) {
      connection.abort(error);
    }
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    if (document.hidden) setTimeout(drawFrame, hiddenFrameMs);
    else requestAnimationFrame(drawFrame);
  }

  for (let attempt = 1; ; attempt += 1) {
    connection = new AbortController();
    try {
      const either = AbortSignal.any([signal, connection.signal]);
      for await (const { chunk } of api.followRun(runId, { signal: either })) {
        waiting.push(chunk);
        schedule();
      }
      draw();
      return;
    } catch (error) {
      if (signal.aborted || error instanceof SwitchyardError || attempt >= 2) throw error;
      // A stream that contradicts itself is read once more from its beginning.
      waiting = [];
      message = undefined;
    }
  }
}
