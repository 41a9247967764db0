/**
 * Why a run stops before its loop ends it: `cancelled` by its user, `time-limit` of the run, `hand-over` at once to
 * another worker (the drain time is over), `lost` to another worker (nothing more may be written).
 */
export type StopCause = 'cancelled' | 'time-limit' | 'hand-over' | 'lost';

/** The reason of an aborted `RunStop.signal`. */
export class RunStopped extends Error {
  readonly stopCause: StopCause;

  constructor(stopCause: StopCause) {
    super(`The run was stopped: ${stopCause}.`);
    this.name = 'RunStopped';
    this.stopCause = stopCause;
  }
}

/** How one claim of a run is told to stop. */
export interface RunStop {
  /** Aborted by the first cause: ends model requests and running commands now. */
  readonly signal: AbortSignal;
  /** Aborted only by `lost`, also after another cause: ends every wait for the store and the log. */
  readonly lost: AbortSignal;
  /** When the first cause came, as `Date.now()`; null before. */
  readonly stoppedAt: number | null;
  /** The cause that counts: the first one, but `lost` wins over all; null while the run may go on. */
  readonly cause: () => StopCause | null;
  readonly stop: (cause: StopCause) => void;
}

export function createRunStop(): RunStop {
  const first = new AbortController();
  const lost = new AbortController();
  let cause: StopCause | null = null;
  let stoppedAt: number | null = null;
  return {
    signal: first.signal,
    lost: lost.signal,
    get stoppedAt() {
      return stoppedAt;
    },
    cause: () => cause,
    stop(next) {
      if (cause === 'lost' || (cause !== null && next !== 'lost')) return;
      cause = next;
      stoppedAt ??= Date.now();
      if (next === 'lost') lost.abort(new RunStopped(next));
      if (!first.signal.aborted) first.abort(new RunStopped(next));
    },
  };
}
