/** A worker verb found that its run is no longer this epoch's to change. Nothing was written. */
export class RunLostError extends Error {
  readonly runId: string;
  readonly epoch: number;

  constructor({ runId, epoch }: { readonly runId: string; readonly epoch: number }) {
    super(`run ${runId} is not running under epoch ${epoch}`);
    this.name = 'RunLostError';
    this.runId = runId;
    this.epoch = epoch;
  }
}
