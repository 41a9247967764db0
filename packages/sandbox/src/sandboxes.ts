import { AppError } from '@switchyard/protocol';
import type { Sandbox } from './sandbox.ts';

export interface SandboxesOptions {
  /** The Daytona API, for example `https://app.daytona.io/api` or a sandbox host's `http://127.0.0.1:<port>/api`. */
  readonly apiUrl: string;
  readonly apiKey: string;
  /** The region, where the service has several. */
  readonly target?: string;
  /** The snapshot that new sandboxes are made from; the service's default otherwise. */
  readonly snapshot?: string;
  /** Of one request, in milliseconds (default 30,000). */
  readonly requestTimeoutMs?: number;
}

export interface Sandboxes {
  /**
   * Finds the project's sandbox (by id, else by its label) or makes one, and starts it when it is stopped.
   * `AppError('sandbox_unavailable')` when no sandbox can be started here, `sandbox_failed` when it did not answer.
   */
  open(options: {
    readonly projectId: string;
    readonly sandboxId: string | null;
    readonly labels?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  }): Promise<Sandbox>;
  /** Closes the connections; open commands go on. */
  close(): Promise<void>;
}

/** Sandboxes over the Daytona wire. No request is made before the first `open`. */
export function createSandboxes(options: SandboxesOptions): Sandboxes {
  return {
    open: () =>
      Promise.reject(new AppError('sandbox_unavailable', `Nothing speaks to ${options.apiUrl} yet.`)),
    close: () => Promise.resolve(),
  };
}
