import type { GuardedProcess } from './guarded-process.ts';

/** A running service that ends with its starter, however that dies. */
export interface StandInProcess {
  readonly url: string;
  readonly port: number;
  /** The service's own pid, not its guard's. */
  readonly pid: number;
  /** Resolves with the exit code when the service has ended, wanted or not. */
  readonly exited: Promise<number>;
  stop(): Promise<void>;
}

/** Null once the service has printed the line that says it is ready, else what it said before it gave up. */
export async function waitUntilReady(
  server: GuardedProcess,
  options: { readonly ready: RegExp; readonly failure: RegExp; readonly timeoutMs: number },
): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`not ready after ${options.timeoutMs / 1000} s`), options.timeoutMs);
  });
  const ended = server.exited.then((exitCode) => {
    const lines = server.lastLines();
    const reason = lines
      .map((line) => options.failure.exec(line)?.[1])
      .findLast((text) => text !== undefined);
    return reason ?? (lines.slice(-3).join(' ') || `it ended with exit code ${exitCode}`);
  });
  const outcome = await Promise.race([server.nextLine(options.ready).then(() => null), late, ended]);
  clearTimeout(timer);
  return outcome;
}
