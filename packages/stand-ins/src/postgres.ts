import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findFreePort, isPortFree } from './free-port.ts';
import { startGuardedProcess } from './guarded-process.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import { prepareDataDirectory } from './postgres-data.ts';
import { type StandInProcess, waitUntilReady } from './stand-in-process.ts';
import { findUnprivilegedStart } from './unprivileged.ts';

export interface PostgresOptions {
  /** Made when it is missing. A throw-away cluster gets a temporary one, removed at its end. */
  readonly dataDir?: string;
  /** On loopback; a free one when absent. */
  readonly port?: number;
  /** For tests: nothing is flushed to the disk, nothing remains. */
  readonly isThrowAway?: boolean;
  /** Each line of the server's log. */
  readonly log?: (line: string) => void;
}

/** Recovery after a crash replays at most a checkpoint's worth of log: seconds. */
const startMs = 60_000;
const startAttempts = 20;

/**
 * Starts Postgres 18 on loopback with the user and database `postgres` and a password of its own. Throws an Error of
 * one clear line when the port is in use, the data is older or busy, or the machine has no server.
 */
export async function startPostgres(options: PostgresOptions): Promise<StandInProcess> {
  const binaries = findPostgresBinaries();
  const unprivileged = await findUnprivilegedStart();
  const isThrowAway = options.isThrowAway ?? false;
  if (options.port !== undefined && !(await isPortFree(options.port))) {
    throw new Error(
      `Port ${options.port} is in use: Postgres cannot listen there. Stop who does, or name another port.`,
    );
  }
  const temporary = isThrowAway
    ? await mkdtemp(path.join(await realpath(tmpdir()), 'switchyard-postgres-'))
    : null;
  const wanted = options.dataDir ?? (temporary === null ? null : path.join(temporary, 'data'));
  if (wanted === null) throw new Error('A Postgres that is kept needs a dataDir.');

  try {
    const { dataDir, password } = await prepareDataDirectory(binaries, unprivileged, path.resolve(wanted));
    for (let attempt = 1; ; attempt += 1) {
      const port = options.port ?? (await findFreePort());
      const [command = '', ...args] = [
        ...unprivileged.prefix,
        binaries.postgres,
        '-D',
        dataDir,
        ...settings({ port, isThrowAway }),
      ];
      const server = await startGuardedProcess({
        command,
        args,
        stopSignal: 'INT',
        ...(temporary === null ? {} : { removeAtEnd: temporary }),
        ...(options.log === undefined ? {} : { onLine: options.log }),
      });
      const failure = await waitUntilReady(server, {
        ready: /database system is ready to accept connections/,
        failure: /(?:FATAL|PANIC|ERROR):\s*(.*)/,
        timeoutMs: startMs,
      });
      if (failure === null) {
        return {
          url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
          port,
          pid: server.pid,
          exited: server.exited,
          stop: () => server.stop(),
        };
      }
      await server.stop();
      if (attempt >= startAttempts || !isPassing(failure, options.port === undefined)) {
        throw new Error(`Postgres did not start from ${dataDir}: ${failure}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  } catch (error) {
    if (temporary !== null) await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

function settings({ port, isThrowAway }: { port: number; isThrowAway: boolean }): string[] {
  const values: Record<string, string> = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    // A socket's path may be at most 107 bytes long; a clone's may be longer.
    unix_socket_directories: '',
    // A test run opens a pool in each of its processes.
    max_connections: '300',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(isThrowAway
      ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum_naptime: '10min' }
      : {}),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** A predecessor that was killed may hold its shared memory for some more milliseconds; a chosen port may be taken. */
function isPassing(failure: string, isPortOurs: boolean): boolean {
  if (/shared memory block|lock file .* already exists/.test(failure)) return true;
  return isPortOurs && /could not create any TCP\/IP sockets|could not bind/.test(failure);
}
