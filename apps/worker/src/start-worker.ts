import { hostname } from 'node:os';
import { createModels, createToolset, defaultRetryPolicy, type Tool } from '@switchyard/agent';
import { connectRedis, createControl, createRunQueue, type RunWorker, startRunWorker } from '@switchyard/bus';
import { type Lifecycle, type Logger, startAdminServer, withDeadline } from '@switchyard/process';
import { AppError } from '@switchyard/protocol';
import { createSandboxes, type Sandboxes } from '@switchyard/sandbox';
import { connectDatabase, createBlobs, createSandboxRecords, type Database } from '@switchyard/store';
import type { Config } from './config.ts';
import { executeRun } from './execute-run.ts';
import { createSandboxRemover } from './remove-sandboxes.ts';
import { createSweeper } from './sweep.ts';
import { lockMs, pricesOf, type Worker } from './worker.ts';

/** A guess: models that think need some seconds, and nobody waits for a title. */
const titleTimeoutMs = 30_000;

/** A worker that takes jobs. */
export interface RunningWorker {
  readonly adminUrl: string;
}

/**
 * Opens everything a worker needs and takes jobs. The lifecycle stops it: it takes no more jobs, each run ends its step
 * or is cut after `drainMs`, and goes to another worker; then the connections close.
 */
export async function startWorker(options: {
  readonly config: Config;
  readonly tools: readonly Tool[];
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
}): Promise<RunningWorker> {
  const { config, tools, logger, lifecycle } = options;
  const { databaseUrl: url, databasePool: maxConnections, redisUrl, concurrency, drainMs } = config;
  const sql = connectDatabase({ url, maxConnections, applicationName: 'switchyard-worker' });
  lifecycle.onStop('database', () => sql.end({ timeout: 5 }));
  const redis = connectRedis(redisUrl, { name: 'switchyard-worker-log' });
  lifecycle.onStop('redis', () => redis.disconnect());
  const queue = createRunQueue({ redisUrl });
  lifecycle.onStop('queue', () => queue.close());
  const control = createControl({ redisUrl });
  lifecycle.onStop('control', () => control.close());
  const sandboxes = openSandboxes(config, sql);
  lifecycle.onStop('sandboxes', () => sandboxes.close());
  const blobs = createBlobs({
    supabaseUrl: config.supabaseUrl,
    secretKey: config.supabaseSecretKey,
    bucket: config.storageBucket,
  });
  const sweeper = createSweeper({ sql, redis, queue, blobs, logger });
  const sweeping = sweeper.sweepUntil(lifecycle.signal);
  lifecycle.onStop('sweep', () => sweeping);
  const remover = createSandboxRemover({ sql, redis, sandboxes, logger });
  if (config.daytona) {
    const removing = remover.removeUntil(lifecycle.signal);
    lifecycle.onStop('sandbox removal', () => removing);
  }

  let jobs: RunWorker | null = null;
  const toolset = createToolset(tools, config.approvalRules);
  const worker: Worker = {
    workerId: config.workerId ?? `${hostname()}-${process.pid}`,
    sql,
    redis,
    queue,
    control,
    sandboxes,
    files: blobs,
    models: createModels(config.models, config),
    prices: await pricesOf(config.models, toolset),
    tools: toolset,
    logger,
    maxSteps: config.maxSteps,
    maxDurationMs: config.maxDurationMs,
    runGraceMs: config.runGraceMs,
    titleTimeoutMs: config.titles ? titleTimeoutMs : null,
    retry: defaultRetryPolicy,
    deadlines: config.modelDeadlines,
    isDraining: () => lifecycle.signal.aborted,
    lockAgeMs: (runId) => jobs?.lockAgeMs(runId) ?? 0,
  };
  const running = startRunWorker({
    redisUrl,
    concurrency,
    lockMs,
    execute: async (job) => await executeRun(worker, job),
    onError: (error) => logger.warn({ error }, 'queue'),
    onStuck: (error) => lifecycle.fail(error),
  });
  jobs = running;
  lifecycle.onStop('jobs', () => running.close({ drainMs }));

  const admin = await startAdminServer({
    port: config.adminPort,
    host: config.adminHost,
    readiness: async () => ({
      postgres: await stateOf(sql`select 1`),
      redis: await stateOf(redis.ping()),
      queue: running.isRunning() ? 'ok' : 'takes no jobs',
    }),
    status: async () => ({
      workerId: worker.workerId,
      activeRuns: running.activeCount(),
      concurrency,
      models: config.models.map(({ id }) => id),
      tools: [...worker.tools.names],
      queue: await queue.counts(),
      sweep: sweeper.report,
      sandboxes: remover.report,
      memory: process.memoryUsage(),
      uptimeS: Math.round(process.uptime()),
    }),
  });
  lifecycle.onStop('admin', () => admin.close());
  return { adminUrl: admin.url };
}

function openSandboxes({ daytona, sandboxesPerAccount }: Config, sql: Database): Sandboxes {
  if (daytona) {
    const records = createSandboxRecords(sql, { maxRunningPerAccount: sandboxesPerAccount });
    return createSandboxes({ ...daytona, records });
  }
  const detail = 'No sandbox is set up here: set DAYTONA_API_URL and DAYTONA_API_KEY.';
  return {
    open: () => Promise.reject(new AppError('sandbox_unavailable', detail)),
    remove: () => Promise.reject(new AppError('sandbox_unavailable', detail)),
    close: () => Promise.resolve(),
  };
}

async function stateOf(question: PromiseLike<unknown>): Promise<string> {
  try {
    await withDeadline(Promise.resolve(question), { timeoutMs: 2000, what: 'The answer' });
    return 'ok';
  } catch (error) {
    return error instanceof Error ? error.message : 'failed';
  }
}
