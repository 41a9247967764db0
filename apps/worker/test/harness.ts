import { createModels, createToolset, defaultRetryPolicy, type Tool } from '@switchyard/agent';
import {
  connectRedis,
  type Control,
  createControl,
  createRunQueue,
  type Redis,
  readRunLog,
  type RunJob,
} from '@switchyard/bus';
import { createLogger } from '@switchyard/process';
import {
  AppError,
  type Chunk,
  type ModelEntry,
  newId,
  type Run,
  scriptedModel,
  type SwitchyardMessage,
  type UserId,
} from '@switchyard/protocol';
import { startScriptedModel, type Scenario, type ScriptedModel } from '@switchyard/stand-ins';
import {
  type Actor,
  type Database,
  readMessages,
  readRun,
  resolveUser,
  startRun,
  type StartedRun,
  type StartRunOptions,
} from '@switchyard/store';
import { inject } from 'vitest';
import { createTestDatabase, type TestDatabase } from '@switchyard/store/test';
import { executeRun } from '../src/execute-run.ts';
import { pricesOf, type Worker } from '../src/worker.ts';

/** Real Postgres, real Redis, the scripted model, and a worker without its queue's end that takes jobs. */
export interface Harness {
  readonly sql: Database;
  readonly redis: Redis;
  readonly control: Control;
  readonly model: ScriptedModel;
  readonly actor: Actor;
  /** Lines of the worker's log, parsed. */
  readonly logged: Record<string, unknown>[];
  readonly worker: Worker;
  /** Starts a run whose model follows the scenario. */
  start(scenario: Scenario, options?: Partial<StartRunOptions>): Promise<StartedRun>;
  stop(): Promise<void>;
}

export async function startHarness(
  tools: readonly Tool[],
  options: {
    readonly database?: TestDatabase;
    readonly redisUrl?: string;
    /** All of the scripted server; the first is asked when a run names none. */
    readonly catalog?: readonly ModelEntry[];
  } = {},
): Promise<Harness> {
  const database = options.database ?? (await createTestDatabase());
  const { sql } = database;
  const redisUrl = options.redisUrl ?? inject('redisUrl');
  const queueName = `test-${newId()}`;
  const redis = connectRedis(redisUrl);
  const queue = createRunQueue({ redisUrl, queueName });
  const control = createControl({ redisUrl });
  const model = await startScriptedModel();
  const actor = await resolveUser(sql, { userId: crypto.randomUUID() as UserId, email: null });
  const logged: Record<string, unknown>[] = [];
  const connections = {
    openaiApiKey: null,
    openaiBaseUrl: null,
    anthropicApiKey: null,
    scriptedModelUrl: model.url,
  };
  const catalog = options.catalog ?? [scriptedModel];
  const toolset = createToolset(tools);
  const worker: Worker = {
    workerId: 'test',
    sql,
    redis,
    queue,
    control,
    sandboxes: {
      open: () => Promise.reject(new AppError('sandbox_unavailable', 'There is no sandbox here.')),
    },
    files: { read: () => Promise.reject(new AppError('not_found', 'There is no file here.')) },
    models: createModels(catalog, connections),
    prices: await pricesOf(catalog, toolset),
    tools: toolset,
    logger: createLogger({
      name: 'worker',
      level: 'debug',
      destination: { write: (line) => void logged.push(JSON.parse(line)) },
    }),
    maxSteps: 20,
    maxDurationMs: 60_000,
    runGraceMs: 600_000,
    titleTimeoutMs: null,
    retry: { ...defaultRetryPolicy, baseDelayMs: 5, maxDelayMs: 20 },
    deadlines: { firstChunkMs: 20_000, chunkMs: 20_000 },
    isDraining: () => false,
    lockAgeMs: () => 0,
  };
  return {
    sql,
    redis,
    control,
    model,
    actor,
    logged,
    worker,
    async start(scenario, options = {}) {
      const name = newId();
      model.setScenario(name, scenario);
      return await startRun(sql, actor, {
        requestHash: name,
        model: 'scripted:demo',
        limits: {},
        message: { parts: [{ type: 'text', text: `[[scenario:${name}]]` }] },
        ...options,
      });
    },
    async stop() {
      await control.close();
      await queue.close();
      redis.disconnect();
      await model.stop();
      await database.drop();
    },
  };
}

/** The job of a started run. */
export function jobOf(started: Pick<StartedRun, 'run' | 'wakeup'>, signal?: AbortSignal): RunJob {
  return { runId: started.run.id, wakeup: started.wakeup, signal: signal ?? new AbortController().signal };
}

/** Executes a run to its end and answers its row. */
export async function execute(harness: Harness, started: StartedRun, worker = harness.worker): Promise<Run> {
  await executeRun(worker, jobOf(started));
  return await readRun(harness.sql, harness.actor, started.run.id);
}

/** Every chunk of the log in order; throws when the ordinals are not 1..n, or after the base when it has one. */
export async function chunksOfLog(redis: Redis, runId: string): Promise<Chunk[]> {
  const { events, meta } = await readRunLog(redis, runId, { afterOrdinal: 0 });
  const first = (meta?.base.ordinal ?? 0) + 1;
  events.forEach(({ ordinal }, index) => {
    if (ordinal !== first + index) throw new Error(`ordinal ${ordinal} where ${first + index} belongs`);
  });
  return events.map(({ chunk }) => chunk);
}

/** The run's own message as the API answers it. */
export async function storedMessage(harness: Harness, run: Run): Promise<SwitchyardMessage> {
  const { messages } = await readMessages(harness.sql, harness.actor, run.threadId, { limit: 50 });
  const message = messages.find(({ id }) => id === run.messageId);
  if (!message) throw new Error('the run has no message');
  return asJson(message);
}

export function asJson<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
