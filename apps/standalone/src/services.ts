import path from 'node:path';
import {
  fetchRedis,
  findRedis,
  startPostgres,
  startRedis,
  startScriptedModel,
  startSupabase,
} from '@switchyard/stand-ins';
import type { Config } from './config.ts';
import { canConnect } from './can-connect.ts';
import { LaunchError } from './launch-error.ts';
import type { LogFiles } from './log-files.ts';
import { supervise } from './supervise.ts';

/** A service that gateway and worker reach by its URL. */
export interface Service {
  readonly url: string;
  /** For a person: what it is and where. */
  readonly description: string;
  /** Null for services of the user's own, and for those inside the launcher. */
  readonly pid: () => number | null;
  stop(): Promise<void>;
}

export interface ServiceContext {
  readonly config: Config;
  readonly logs: LogFiles;
  /** One line for a person. */
  readonly report: (line: string) => void;
  /** After each start of a process: its pid has changed. */
  readonly onStart: () => Promise<void>;
}

const defaultPorts: Readonly<Record<string, number>> = {
  'postgres:': 5432,
  'postgresql:': 5432,
  'redis:': 6379,
  'rediss:': 6379,
  'http:': 80,
  'https:': 443,
};

/** A service that the user runs; throws a LaunchError when nobody listens there. */
export async function namedService({
  url,
  variable,
}: {
  readonly url: string;
  readonly variable: string;
}): Promise<Service> {
  const address = URL.parse(url);
  if (address === null) throw new LaunchError(`${variable} is not a URL.`);
  const { protocol, hostname, host } = address;
  const port = Number(address.port) || defaultPorts[protocol];
  if (port === undefined)
    throw new LaunchError(`${variable} has a protocol that does not fit: ${protocol}//`);
  if (!(await canConnect({ host: hostname.replace(/^\[|\]$/g, ''), port }))) {
    throw new LaunchError(
      `${variable} names ${host}, where nobody answers: start that service, or unset ${variable}.`,
    );
  }
  return { url, description: `${variable} at ${host}`, pid: () => null, stop: () => Promise.resolve() };
}

/** The Postgres of `DATABASE_URL`, else an embedded one that is started again when it dies. */
export async function providePostgres({ config, logs, report, onStart }: ServiceContext): Promise<Service> {
  if (config.databaseUrl !== null) return namedService({ url: config.databaseUrl, variable: 'DATABASE_URL' });
  const log = logs.open('postgres');
  const dataDir = path.join(config.dataDir, 'postgres');
  let port: number | undefined;
  const postgres = await supervise({
    name: 'Postgres',
    start: () => startPostgres({ dataDir, log, ...(port === undefined ? {} : { port }) }),
    async onStart(started) {
      ({ port } = started);
      await onStart();
    },
    report,
  });
  return {
    url: postgres.current().url,
    description: `Postgres on port ${port}`,
    pid: () => postgres.current().pid,
    stop: () => postgres.stop(),
  };
}

/** The Redis of `REDIS_URL`, else one of this machine or from its packages that is started again when it dies. */
export async function provideRedis({ config, logs, report, onStart }: ServiceContext): Promise<Service> {
  if (config.redisUrl !== null) return namedService({ url: config.redisUrl, variable: 'REDIS_URL' });
  const log = logs.open('redis');
  const program =
    (await findRedis(config.environment['PATH'] ?? '')) ??
    (await fetchRedis({ cacheDir: config.cacheDir, log: report }));
  const dataDir = path.join(config.dataDir, 'redis');
  let port: number | undefined;
  const redis = await supervise({
    name: 'Redis',
    start: () => startRedis({ program, dataDir, log, ...(port === undefined ? {} : { port }) }),
    async onStart(started) {
      ({ port } = started);
      await onStart();
    },
    report,
  });
  return {
    url: redis.current().url,
    description: `Redis ${program.version} on port ${port}`,
    pid: () => redis.current().pid,
    stop: () => redis.stop(),
  };
}

export interface SupabaseService extends Service {
  readonly secretKey: string;
  readonly publishableKey: string | null;
  readonly isLocal: boolean;
}

/** The project of `SUPABASE_URL`, else a local issuer and blob store inside the launcher. */
export async function provideSupabase(
  { config, logs }: ServiceContext,
  user: { readonly email: string; readonly password: string },
): Promise<SupabaseService> {
  if (config.supabase) {
    const service = await namedService({ url: config.supabase.url, variable: 'SUPABASE_URL' });
    return { ...service, ...config.supabase, isLocal: false };
  }
  const supabase = await startSupabase({
    dataDir: path.join(config.dataDir, 'supabase'),
    users: [user],
    log: logs.open('supabase'),
  });
  return {
    url: supabase.url,
    description: `local issuer and blob store at ${supabase.url}`,
    pid: () => null,
    secretKey: supabase.secretKey,
    publishableKey: supabase.publishableKey,
    isLocal: true,
    stop: () => supabase.stop(),
  };
}

/** The scripted model inside the launcher; null when the user has named a model of his own. */
export async function provideScriptedModel({ config, logs }: ServiceContext): Promise<Service | null> {
  if (config.scriptedModelUrl !== null) {
    return namedService({ url: config.scriptedModelUrl, variable: 'SCRIPTED_MODEL_URL' });
  }
  if (config.model !== null) return null;
  const model = await startScriptedModel({
    demoDelayMs: config.scriptedModelDelayMs,
    log: logs.open('scripted-model'),
  });
  return {
    url: model.url,
    description:
      'scripted demo, no real model: set OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENAI_BASE_URL for one',
    pid: () => null,
    stop: () => model.stop(),
  };
}
