import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readIfThere, worksIn } from './data-directory.ts';
import { fetchDebianPackages, hasDebianPackages } from './debian.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import { startGuardedProcess } from './guarded-process.ts';
import { runCommand } from './run-command.ts';
import { type StandInProcess, waitUntilReady } from './stand-in-process.ts';

/** A Redis (or Valkey) server that runs on this machine. */
export interface RedisProgram {
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly version: string;
}

/** What `fetchRedis` fetches; a launcher that needs more packages fetches all at once and saves a list of packages. */
export const redisPackages: readonly string[] = ['redis-server', 'redis-tools'];

/** BullMQ's minimum; below it streams and functions that the queue calls are missing. */
const minimumMajor = 6;
const names = ['redis-server', 'valkey-server'];
const startMs = 30_000;
const startAttempts = 5;

/** The server on the PATH, or null when there is none or it is too old. */
export async function findRedis(searchPath: string): Promise<RedisProgram | null> {
  for (const name of names) {
    for (const directory of searchPath.split(':')) {
      const command = path.join(directory, name);
      if (directory === '' || !existsSync(command)) continue;
      const program = await probe(command, {});
      if (program !== null) return program;
    }
  }
  return null;
}

/**
 * The server from this machine's Debian packages, fetched into the cache on first use (1.3 MB beside the package
 * lists). Throws an Error of one line that says what to do where there are no such packages.
 */
export async function fetchRedis(options: {
  readonly cacheDir: string;
  readonly log: (line: string) => void;
}): Promise<RedisProgram> {
  const advice = 'Install Redis (redis-server) or Valkey, or name a server: REDIS_URL=redis://…';
  if (!hasDebianPackages()) throw new Error(`There is no redis-server on the PATH. ${advice}`);
  try {
    const packages = await fetchDebianPackages({ names: redisPackages, ...options });
    const command = packages.findProgram('redis-server');
    const environment = packages.libraryPath === '' ? {} : { LD_LIBRARY_PATH: packages.libraryPath };
    const program = command === null ? null : await probe(command, environment);
    if (program === null) throw new Error('the fetched redis-server does not run here');
    return program;
  } catch (error) {
    throw new Error(`Redis: ${(error as Error).message}. ${advice}`, { cause: error });
  }
}

async function probe(command: string, environment: Record<string, string>): Promise<RedisProgram | null> {
  const result = await runCommand(command, ['--version'], { timeoutMs: 10_000, environment });
  const version = /v=(\d+)\.([\d.]+)/.exec(result.output);
  if (result.exitCode !== 0 || version === null || Number(version[1]) < minimumMajor) return null;
  return { command, environment, version: `${version[1]}.${version[2]}` };
}

export interface RedisOptions {
  /** From `findRedis` or `fetchRedis`. */
  readonly program: RedisProgram;
  /** Made when it is missing. A throw-away server gets a temporary one, removed at its end. */
  readonly dataDir?: string;
  /** On loopback; a free one when absent. */
  readonly port?: number;
  /** For tests: nothing is written to the disk, nothing remains. */
  readonly isThrowAway?: boolean;
  /** Each line of the server's log. */
  readonly log?: (line: string) => void;
}

/**
 * Starts Redis on loopback with a password of its own, every write in the append-only file, nothing ever evicted (what
 * BullMQ needs). Throws an Error of one clear line when the port or the data directory is in use.
 */
export async function startRedis(options: RedisOptions): Promise<StandInProcess> {
  const isThrowAway = options.isThrowAway ?? false;
  if (options.port !== undefined && !(await isPortFree(options.port))) {
    throw new Error(
      `Port ${options.port} is in use: Redis cannot listen there. Stop who does, or name another port.`,
    );
  }
  const temporary = isThrowAway
    ? await mkdtemp(path.join(await realpath(tmpdir()), 'switchyard-redis-'))
    : null;
  const wanted = options.dataDir ?? temporary;
  if (wanted === null) throw new Error('A Redis that is kept needs a dataDir.');
  const dataDir = path.resolve(wanted);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await refuseWhenBusy(dataDir);
  const password = await readOrMakePassword(path.join(dataDir, 'switchyard-password'));

  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await findFreePort());
    // The password stands in a file: arguments can be read by every user of the machine.
    const configuration = path.join(dataDir, 'redis.conf');
    await writeFile(configuration, configurationText({ port, password, isThrowAway }), { mode: 0o600 });
    const server = await startGuardedProcess({
      command: options.program.command,
      args: [configuration],
      environment: options.program.environment,
      workingDirectory: dataDir,
      stopSignal: 'TERM',
      ...(temporary === null ? {} : { removeAtEnd: temporary }),
      ...(options.log === undefined ? {} : { onLine: options.log }),
    });
    const failure = await waitUntilReady(server, {
      ready: /Ready to accept connections/,
      failure: / # (?!WARNING|Warning|Server initialized)(.*)/,
      timeoutMs: startMs,
    });
    if (failure === null) {
      await writeFile(path.join(dataDir, pidFile), String(server.pid));
      return {
        url: `redis://:${password}@127.0.0.1:${port}`,
        port,
        pid: server.pid,
        exited: server.exited,
        stop: () => server.stop(),
      };
    }
    await server.stop();
    const isPortTaken = options.port === undefined && /bind|Address already in use/i.test(failure);
    if (attempt >= startAttempts || !isPortTaken) {
      throw new Error(`Redis did not start from ${dataDir}: ${failure}`);
    }
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  }
}

const pidFile = 'switchyard-pid';

function configurationText(options: { port: number; password: string; isThrowAway: boolean }): string {
  return [
    'bind 127.0.0.1',
    `port ${options.port}`,
    `requirepass ${options.password}`,
    'dir ./',
    'save ""',
    `appendonly ${options.isThrowAway ? 'no' : 'yes'}`,
    'appendfsync everysec',
    'maxmemory-policy noeviction',
    'logfile ""',
    'daemonize no',
    '',
  ].join('\n');
}

/** Redis itself does not notice that another one writes the same files. */
async function refuseWhenBusy(dataDir: string): Promise<void> {
  const pid = Number.parseInt((await readIfThere(path.join(dataDir, pidFile))) ?? '', 10);
  if (!Number.isInteger(pid) || !(await worksIn(pid, dataDir))) return;
  throw new Error(
    `The Redis data in ${dataDir} is in use by process ${pid}: another Switchyard runs from this folder. Stop it first (kill ${pid} when it is a left-over).`,
  );
}

async function readOrMakePassword(file: string): Promise<string> {
  const known = await readIfThere(file);
  if (known !== null) return known;
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, password, { mode: 0o600 });
  return password;
}
