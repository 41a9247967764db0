/** How soon a killed parent is noticed. */
const parentWatchMs = 200;

export interface StopWatch {
  /** Aborted when a stop has been asked for. */
  readonly signal: AbortSignal;
  /** Resolves with the reason, in a few words. */
  readonly requested: Promise<string>;
}

/**
 * Waits for SIGINT, SIGTERM or SIGHUP, or for the end of the parent process: npm that was killed tells nobody. Later
 * signals change nothing: Ctrl-C reaches us from the terminal and again through our parent.
 */
export function watchForStop(): StopWatch {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<string>();
  const request = (reason: string) => {
    controller.abort(new Error(reason));
    resolve(reason);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => request(signal));
  // Whoever read our output may have gone first; the stop is to go on.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) request('its parent process has ended');
  }, parentWatchMs).unref();
  return { signal: controller.signal, requested: promise };
}
