/**
 * Where a log begins: after `ordinal`, with what the store has of the run's first `storedSteps` steps in place of the
 * entries before it. 0, 0, false for a log that is whole. A log is made with a base where an earlier one was lost; when it
 * is trimmed its base moves to the `finish-step` that ends what went.
 */
export interface LogBase {
  /** The last ordinal that was ever assigned before what the log holds. */
  readonly ordinal: number;
  readonly storedSteps: number;
  /** True when the log goes on in the middle of step `storedSteps + 1`. */
  readonly inStep: boolean;
}

/** A base as the scripts answer it. */
export function toBase(
  ordinal: string | undefined,
  steps: string | undefined,
  inStep: string | undefined,
): LogBase {
  return { ordinal: Number(ordinal), storedSteps: Number(steps), inStep: inStep === '1' };
}
