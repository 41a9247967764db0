import { migrate } from '@switchyard/store';
import { canConnect } from './can-connect.ts';
import type { Config } from './config.ts';
import { ensureApiKey, loadCredentials } from './credentials.ts';
import { type DevFile, removeDevFile, writeDevFile } from './dev-file.ts';
import { type InstanceLock, lockInstance } from './instance-lock.ts';
import { asLaunchError, LaunchError } from './launch-error.ts';
import { openLogFiles } from './log-files.ts';
import { type NodeApp, startNodeApp } from './node-app.ts';
import { provideSandboxes } from './sandbox-service.ts';
import {
  providePostgres,
  provideRedis,
  provideScriptedModel,
  provideSupabase,
  type Service,
  type ServiceContext,
} from './services.ts';
import { type Report, step } from './step.ts';
import { supervise } from './supervise.ts';

/** Everything that runs on this machine for one data directory. */
export interface Stack {
  /** As in `.data/dev.json` at the end of the start. */
  readonly devFile: DevFile;
  readonly descriptions: {
    readonly model: string;
    readonly sandbox: string;
    readonly services: readonly string[];
    readonly logs: string;
  };
  stop(): Promise<void>;
}

/** In the order of the stop: who uses something ends before it. */
const stopOrder = ['gateway', 'worker', 'sandboxes', 'model', 'supabase', 'redis', 'postgres'] as const;
type PartName = (typeof stopOrder)[number];
type Stoppable = { stop(): Promise<void> };

/**
 * Starts everything in order and keeps it running. When a part cannot start, what has started is stopped again and the
 * part's error is thrown. `signal` gives the start up between its parts.
 */
export async function startStack(config: Config, report: Report, signal: AbortSignal): Promise<Stack> {
  const lock = await lockInstance(config.dataDir);
  const parts = new Map<PartName, Stoppable>();
  try {
    await refuseTakenPort(config);
    return await startParts({ config, report, signal, lock, parts });
  } catch (error) {
    await stopParts(parts, config, lock);
    throw error;
  }
}

async function startParts({
  config,
  report,
  signal,
  lock,
  parts,
}: {
  readonly config: Config;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly lock: InstanceLock;
  readonly parts: Map<PartName, Stoppable>;
}): Promise<Stack> {
  const logs = openLogFiles(config.dataDir);
  const started = new Map<PartName, Service>();
  const apps = new Map<'gateway' | 'worker', { current(): NodeApp }>();
  let known: Omit<DevFile, 'pids'> | null = null;

  const readPids = () => ({
    gateway: apps.get('gateway')?.current().pid ?? null,
    worker: apps.get('worker')?.current().pid ?? null,
    sandboxHost: started.get('sandboxes')?.pid() ?? null,
    redis: started.get('redis')?.pid() ?? null,
    postgres: started.get('postgres')?.pid() ?? null,
  });
  /** Files are written one after the other: two processes may come up at the same moment. */
  let writing: Promise<void> = Promise.resolve();
  async function publishNow(): Promise<void> {
    const pids = readPids();
    await lock.keepChildren(Object.values(pids).filter((pid) => pid !== null));
    if (known) await writeDevFile(config.dataDir, { ...known, pids });
  }
  const publish = () => {
    writing = writing.then(publishNow);
    return writing;
  };
  const context: ServiceContext = { config, logs, report, onStart: publish };

  async function begin<Started extends Service | null>(
    name: PartName,
    title: string,
    action: () => Promise<Started>,
  ): Promise<Started> {
    signal.throwIfAborted();
    const service = await step(report, title, action).catch((error: unknown) => {
      throw asLaunchError(error);
    });
    if (service) {
      parts.set(name, service);
      started.set(name, service);
      await publish();
    }
    signal.throwIfAborted();
    return service;
  }

  const credentials = await loadCredentials(config.dataDir);
  const [postgres, redis, supabase, model, sandboxes] = await allOrFirstError([
    begin('postgres', 'Postgres', () => providePostgres(context)),
    begin('redis', 'Redis', () => provideRedis(context)),
    begin('supabase', 'accounts and storage', () => provideSupabase(context, credentials)),
    begin('model', 'model', () => provideScriptedModel(context)),
    begin('sandboxes', 'sandboxes', () => provideSandboxes(context, credentials.sandboxKey)),
  ]);
  await step(report, 'migrations', () => migrate({ url: config.databaseDirectUrl ?? postgres.url })).catch(
    (error: unknown) => {
      throw asLaunchError(error, 'The database could not be prepared: ');
    },
  );
  const localSupabase =
    supabase.isLocal && supabase.publishableKey !== null
      ? { url: supabase.url, publishableKey: supabase.publishableKey }
      : null;
  const apiKey = await ensureApiKey({
    dataDir: config.dataDir,
    databaseUrl: postgres.url,
    credentials,
    localSupabase,
  });
  signal.throwIfAborted();

  const environment = {
    // Shorter than the launcher waits for an app: no other worker is here to take a run, it goes on at the next start.
    DRAIN_MS: '5000',
    ...config.environment,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    ...(supabase.publishableKey === null ? {} : { SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey }),
    DAYTONA_API_URL: sandboxes.url,
    DAYTONA_API_KEY: sandboxes.apiKey,
    ...(model ? { SCRIPTED_MODEL_URL: model.url } : {}),
    HOST: config.host,
    ADMIN_PORT: '0',
  };
  let port = config.port;
  async function startApp(name: 'gateway' | 'worker'): Promise<NodeApp> {
    const log = logs.open(name);
    const app = await supervise({
      name: `The ${name}`,
      start: () => startNodeApp({ name, environment: { ...environment, PORT: String(port) }, log }),
      async onStart(process) {
        if (name === 'gateway' && process.url !== null) port = Number(new URL(process.url).port);
        await publish();
      },
      report,
    });
    parts.set(name, app);
    apps.set(name, app);
    signal.throwIfAborted();
    return app.current();
  }
  const [gateway] = await step(report, 'gateway and worker', () =>
    allOrFirstError([startApp('gateway'), startApp('worker')]),
  );

  known = {
    gatewayUrl: gateway.url ?? `http://127.0.0.1:${port}`,
    apiKey,
    supabaseUrl: supabase.url,
    publishableKey: supabase.publishableKey,
    email: localSupabase ? credentials.email : null,
    password: localSupabase ? credentials.password : null,
    scriptedModelUrl: model?.url ?? null,
    databaseUrl: postgres.url,
    redisUrl: redis.url,
  };
  await publish();
  return {
    devFile: { ...known, pids: readPids() },
    descriptions: {
      model: model?.description ?? config.model ?? '',
      sandbox: sandboxes.description,
      services: [postgres.description, redis.description, supabase.description],
      logs: logs.directory,
    },
    async stop() {
      known = null;
      await stopParts(parts, config, lock);
      await writing;
      await logs.close();
    },
  };
}

/** Like Promise.all, but throws only when everything has settled: what came up late is then known and can be stopped. */
async function allOrFirstError<Promises extends readonly Promise<unknown>[] | []>(promises: Promises) {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

async function stopParts(
  parts: ReadonlyMap<PartName, Stoppable>,
  config: Config,
  lock: InstanceLock,
): Promise<void> {
  await removeDevFile(config.dataDir);
  for (const name of stopOrder) await parts.get(name)?.stop();
  await lock.release();
}

/** Said before anything is started. Somebody may still take the port meanwhile: then the gateway says so. */
async function refuseTakenPort({ port, host }: Config): Promise<void> {
  if (port === 0 || !(await canConnect({ host: host === '0.0.0.0' ? '127.0.0.1' : host, port }))) return;
  throw new LaunchError(
    `Port ${port} is in use: stop the program that has it, or choose another: PORT=${port + 1} npm start`,
  );
}
