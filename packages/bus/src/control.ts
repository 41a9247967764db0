/** What is said to the worker of a run. Additive: unknown types are ignored. */
export type ControlMessage = { readonly type: 'cancel' };

/** A hint between gateway and worker, never the truth: a message may be lost, the run's row is not. */
export interface Control {
  subscribe(runId: string, listener: (message: ControlMessage) => void): Promise<() => void>;
  publish(runId: string, message: ControlMessage): Promise<void>;
  close(): Promise<void>;
}

/** Opens the process's connections for control messages. */
export function createControl(options: { readonly redisUrl: string }): Control {
  throw new Error(`not built: ${options.redisUrl}`);
}
