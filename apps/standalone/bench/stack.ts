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
  /** Stops all of it and removes its data. Never rejects. */
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
    { args = [], environment = {} }: { args?: string[]; environment?: Record<string, string> } = {},
  ): Promise<string> {
    const child = await startGuardedProcess({
      command: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', path.join(root, entry), ...args],
      environment: { PATH: process.env['PATH'] ?? '', ...environment },
      workingDirectory: root,
      stopSignal: 'TERM',
    });
    stops.push(async () => await child.stop(5000));
    return await urlOf(name, child);
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
    const modelUrl = await startChild('model', `${baselines}/model-server.ts`);
    const [floorUrl, diyUrl, skeletonUrl] = await Promise.all([
      startChild('floor', `${baselines}/floor.ts`, { args: [modelUrl] }),
      startChild('DIY', `${baselines}/diy.ts`, { args: [modelUrl, redis.url] }),
      startChild('skeleton', `${baselines}/skeleton.ts`, { args: [modelUrl, redis.url, postgres.url] }),
    ]);
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
      CONCURRENCY: '64',
      LOG_LEVEL: process.env['BENCH_LOG_LEVEL'] ?? 'info',
    };
    const [gatewayUrl] = await Promise.all([
      startChild('gateway', 'apps/gateway/src/main.ts', { environment }),
      startChild('worker', 'apps/worker/src/main.ts', { environment }),
    ]);
    return { modelUrl, floorUrl, diyUrl, skeletonUrl, gatewayUrl, apiKeys, stop };
  } catch (error) {
    await stop();
    throw error;
  }
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
