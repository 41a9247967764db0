import path from 'node:path';
import { startGuardedProcess } from '@switchyard/stand-ins';
import { z } from 'zod';
import { root } from './config.ts';
import { LaunchError } from './launch-error.ts';
import type { RunningProcess } from './supervise.ts';

export interface NodeApp extends RunningProcess {
  /** From the app's own ready line; the worker has none. */
  readonly url: string | null;
  readonly adminUrl: string | null;
}

const readyLineSchema = z.object({
  msg: z.literal('ready'),
  url: z.url().nullish(),
  adminUrl: z.url().nullish(),
});
const logLineSchema = z.object({
  level: z.enum(['error', 'fatal']),
  msg: z.string(),
  error: z.object({ message: z.string() }).optional(),
});

/** Loading an app takes a third of a second; the rest is for a machine under load (guess). */
const startMs = 60_000;
/** A gateway drains its requests and a worker hands its runs over within 10 s. */
const stopMs = 15_000;

/** Starts one of the apps with this very Node and waits for its ready line. Throws a LaunchError with its last words. */
export async function startNodeApp({
  name,
  environment,
  log,
}: {
  readonly name: 'gateway' | 'worker' | 'sandbox-host';
  readonly environment: Readonly<Record<string, string>>;
  /** Each line of its output. */
  readonly log: (line: string) => void;
}): Promise<NodeApp> {
  const app = await startGuardedProcess({
    command: process.execPath,
    args: [...process.execArgv, path.join(root, 'apps', name, 'src', 'main.ts')],
    environment,
    workingDirectory: root,
    stopSignal: 'TERM',
    onLine: log,
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), startMs);
  });
  const outcome = await Promise.race([app.nextLine(/"msg":"ready"/), late, app.exited]);
  clearTimeout(timer);
  if (typeof outcome === 'number') {
    throw new LaunchError(
      `The ${name} did not start: ${lastWords(app.lastLines()) ?? `exit code ${outcome}`}`,
    );
  }
  const ready = outcome === 'late' ? undefined : readyLineSchema.safeParse(parseLine(outcome)).data;
  if (ready === undefined) {
    await app.stop();
    throw new LaunchError(`The ${name} was not ready after ${startMs / 1000} s.`);
  }
  return {
    pid: app.pid,
    exited: app.exited,
    stop: () => app.stop(stopMs),
    url: ready.url ?? null,
    adminUrl: ready.adminUrl ?? null,
  };
}

/** The last error of a log, else an uncaught one with all of its lines, else the plain text that was printed last. */
function lastWords(lines: readonly string[]): string | null {
  const error = lines
    .map((line) => logLineSchema.safeParse(parseLine(line)).data)
    .findLast((entry) => entry !== undefined);
  if (error) return error.error?.message ?? error.msg;
  const thrownAt = lines.findLastIndex((line) => /^\w*Error\b.*:/.test(line));
  if (thrownAt !== -1) {
    // A configuration's error has a line for each fault, in front of the stack.
    const behind = lines.slice(thrownAt);
    const stackAt = behind.findIndex((line) => /^\s+at /.test(line));
    return behind.slice(0, stackAt === -1 ? 6 : stackAt).join('\n');
  }
  const plain = lines.filter((line) => !line.startsWith('{') && line.trim() !== '');
  return plain.length > 0 ? plain.slice(-6).join('\n') : null;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return null;
  }
}
