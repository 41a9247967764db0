/** Stopping takes longer only when something hangs; nothing here is worth waiting for. */
const stopMs = 5000;

/**
 * Starts a stand-in as a process of its own: one JSON line `{"msg":"ready","url":…}` on standard output, a clean end on
 * SIGTERM and SIGINT, exit code 1 with one line on standard error when it cannot start.
 */
export async function runUntilStopped(
  start: () => Promise<{ url: string; stop(): Promise<void> }>,
): Promise<void> {
  // The reader may be gone; a stand-in has nothing to tell that would be missed.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  try {
    const standIn = await start();
    const stop = () => {
      setTimeout(() => process.exit(0), stopMs).unref();
      void standIn.stop().finally(() => process.exit(0));
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    process.stdout.write(
      `${JSON.stringify({ level: 'info', msg: 'ready', url: standIn.url, pid: process.pid })}\n`,
    );
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
