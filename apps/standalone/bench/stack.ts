import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newId, type UserId } from '@switchyard/protocol';
import {
  fetchRedis,
  findRedis,
  type GuardedProcess,
  startGuardedProcess,
  startPostgres,
  startRedis,
  startSupabase,
} from '@switchyard/stand-ins';
import { connectDatabase, createApiKey, migrate, resolveUser } from '@switchyard/store';
import { accountCount } from './prompts.ts';

/** Everything that the bench measures, running. */
export interface Stack {
  readonly modelUrl: string;
  readonly floorUrl: string;
  readonly diyUrl: string;
  readonly skeletonUrl: string;
  readonly gatewayUrl: string;
  /** One of each account that the bench's runs belong to. */
  readonly apiKeys: readonly string[];
  /**
   * Starts one more process of a system, for a measure that wants it fresh; it ends with the stack at the latest. One
   * whose memory is measured has little room for young objects: that grows with how fast requests come, not with what
   * is held.
   */
  startServer(name: 'Switchyard' | 'DIY' | 'floor', options?: { isWeighed: boolean }): Promise<Server>;
  /** Stops all of it and removes its data. Never rejects. */
  stop(): Promise<void>;
}

/** One process that serves streams. */
export interface Server {
  readonly url: string;
  /** What the process holds once its garbage is collected: its resident set. Only of one that was started for it. */
  memoryBytes(): Promise<number>;
  stop(): Promise<void>;
}

const root = path.resolve(import.meta.dirname, '../../..');
const readyMs = 30_000;

/**
 * Starts Postgres and Redis on a temporary directory with their writes made durable, the model, the baselines, and
 * one gateway and one worker as a deployment would. Throws with the last lines of what did not start.
 */
export async function startStack(): Promise<Stack> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-bench-'));
  const stops: (() => Promise<void>)[] = [async () => await rm(dataDir, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of stops.toReversed()) await step().catch(() => undefined);
  };

  async function startChild(
    name: string,
    entry: string,
    {
      args = [],
      environment = {},
      nodeOptions = [],
    }: {
      args?: readonly string[];
      environment?: Readonly<Record<string, string>>;
      nodeOptions?: readonly string[];
    } = {},
  ): Promise<Child> {
    const child = await startGuardedProcess({
      command: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', ...nodeOptions, path.join(root, entry), ...args],
      environment: { PATH: process.env['PATH'] ?? '', ...environment },
      workingDirectory: root,
      stopSignal: 'TERM',
    });
    stops.push(async () => await child.stop(5000));
    return { url: await urlOf(name, child), child };
  }

  try {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const program =
      (await findRedis(process.env['PATH'] ?? '')) ??
      (await fetchRedis({ cacheDir: path.join(root, '.cache'), log }));
    const [postgres, redis, supabase] = await Promise.all([
      startPostgres({ dataDir: path.join(dataDir, 'postgres') }),
      startRedis({ program, dataDir: path.join(dataDir, 'redis') }),
      startSupabase({ dataDir: path.join(dataDir, 'supabase') }),
    ]);
    stops.push(
      async () => await postgres.stop(),
      async () => await redis.stop(),
      async () => await supabase.stop(),
    );
    await migrate({ url: postgres.url });
    const sql = connectDatabase({ url: postgres.url, maxConnections: 1, applicationName: 'bench' });
    const apiKeys: string[] = [];
    for (let index = 0; index < accountCount; index += 1) {
      const owner = await resolveUser(sql, { userId: newId<UserId>(), email: `bench-${index}@example.com` });
      apiKeys.push((await createApiKey(sql, owner, { name: 'bench' })).key);
    }
    await sql.end({ timeout: 5 });

    const baselines = 'apps/standalone/bench/baselines';
    const { url: modelUrl } = await startChild('model', `${baselines}/model-server.ts`);
    const environment = {
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      SUPABASE_URL: supabase.url,
      SUPABASE_SECRET_KEY: supabase.secretKey,
      OPENAI_API_KEY: 'bench',
      OPENAI_BASE_URL: `${modelUrl}/v1`,
      MODEL: 'bench',
      PORT: '0',
      RATE_LIMIT_WRITES: '100000000',
      STREAMS_PER_ACCOUNT: '100000',
      CONCURRENCY: '64',
      LOG_LEVEL: process.env['BENCH_LOG_LEVEL'] ?? 'info',
    };
    const servers = {
      Switchyard: ['apps/gateway/src/main.ts', { environment }],
      DIY: [`${baselines}/diy.ts`, { args: [modelUrl, redis.url] }],
      floor: [`${baselines}/floor.ts`, { args: [modelUrl] }],
    } as const;
    const start = async (name: keyof typeof servers, nodeOptions: readonly string[] = []) => {
      const [entry, options] = servers[name];
      return await startChild(name, entry, { ...options, nodeOptions });
    };
    const [gateway, diy, floor, skeleton] = await Promise.all([
      start('Switchyard'),
      start('DIY'),
      start('floor'),
      startChild('skeleton', `${baselines}/skeleton.ts`, { args: [modelUrl, redis.url, postgres.url] }),
      startChild('worker', 'apps/worker/src/main.ts', { environment }),
    ]);
    return {
      modelUrl,
      floorUrl: floor.url,
      diyUrl: diy.url,
      skeletonUrl: skeleton.url,
      gatewayUrl: gateway.url,
      apiKeys,
      startServer: async (name, options) => serverOf(await start(name, options?.isWeighed ? weighed : [])),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Child {
  readonly url: string;
  readonly child: GuardedProcess;
}

const weighed = [
  '--expose-gc',
  '--max-semi-space-size=1',
  '--import',
  path.join(import.meta.dirname, 'report-memory.ts'),
];

function serverOf({ url, child }: Child): Server {
  let readings = 0;
  return {
    url,
    async memoryBytes() {
      readings += 1;
      process.kill(child.pid, 'SIGUSR2');
      const line = await child.nextLine(new RegExp(`"msg":"memory","reading":${readings},`));
      return (JSON.parse(line) as { bytes: number }).bytes;
    },
    stop: async () => await child.stop(5000),
  };
}

/** The url of a child's ready line; a worker has none. */
async function urlOf(name: string, child: GuardedProcess): Promise<string> {
  const line = await Promise.race([
    child.nextLine(/"msg":"ready"/),
    child.exited.then(() => null),
    new Promise<null>((resolve) => {
      setTimeout(() => resolve(null), readyMs).unref();
    }),
  ]);
  if (line === null) throw new Error(`The ${name} did not start:\n${child.lastLines().join('\n')}`);
  const { url = '' } = JSON.parse(line) as { url?: string };
  return url;
}
