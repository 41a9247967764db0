import { createRunQueue, startRunWorker } from '@switchyard/bus';
import { newId, noUsage, type UserId } from '@switchyard/protocol';
import { claimRun, connectDatabase, finishRun, loadRun, resolveUser, startRun } from '@switchyard/store';
import { accountCount, shortPrompt } from '../prompts.ts';
import { askModel } from './ask-model.ts';
import { serve } from './listen.ts';
import { readBody } from './read-body.ts';

/**
 * The skeleton: what a persisted run cannot do without and nothing else. The same SQL statements as the product, one job
 * on the queue, one request to the model; no HTTP, no log, no stream, no agent, one process.
 * `skeleton.ts <model url> <redis url> <database url>`; `POST /runs {seconds, concurrency}` answers {runs, seconds},
 * `POST /commits {count}` answers {times} of `startRun` alone, in ms.
 */
const [modelUrl = '', redisUrl = '', databaseUrl = ''] = process.argv.slice(2);
const queueName = 'skeleton';
const sql = connectDatabase({ url: databaseUrl, maxConnections: 20, applicationName: 'skeleton' });
const actors = await Promise.all(
  Array.from({ length: accountCount }, async (_, index) =>
    resolveUser(sql, { userId: newId<UserId>(), email: `skeleton-${index}@example.com` }),
  ),
);
const queue = createRunQueue({ redisUrl, queueName });
const ended = new Map<string, () => void>();

startRunWorker({
  redisUrl,
  queueName,
  concurrency: 64,
  onError: (error) => process.stderr.write(`${error.message}\n`),
  onStuck: (error) => {
    throw error;
  },
  async execute({ runId, wakeup }) {
    const claim = await claimRun(sql, { runId, wakeup, workerId: 'skeleton' });
    if (claim.outcome === 'stale') return 'done';
    const { epoch } = claim;
    await loadRun(sql, { runId, epoch });
    await readBody(await askModel(modelUrl, shortPrompt));
    const text = { type: 'text', text: 'one token', state: 'done' } as const;
    await finishRun(sql, {
      runId,
      epoch,
      reason: 'answered',
      lastOrdinal: 6,
      lastStep: {
        step: 1,
        parts: [{ part: { type: 'step-start' } }, { part: text }],
        usage: noUsage,
        costUsd: null,
      },
    });
    ended.get(runId)?.();
    return 'done';
  },
});

async function start(index: number) {
  return await startRun(sql, actors[index % actors.length]!, {
    requestHash: newId(),
    model: 'openai-compatible:bench',
    limits: { maxSteps: 5 },
    message: { parts: [{ type: 'text', text: shortPrompt }] },
  });
}

async function runToEnd(index: number): Promise<void> {
  const { run, wakeup, priority } = await start(index);
  const { promise, resolve } = Promise.withResolvers<void>();
  ended.set(run.id, resolve);
  await queue.add({ runId: run.id, wakeup, priority });
  await promise;
  ended.delete(run.id);
}

async function measureRuns({ seconds, concurrency }: { seconds: number; concurrency: number }) {
  const startedAt = performance.now();
  let runs = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async (_, index) => {
      while (performance.now() - startedAt < seconds * 1000) {
        await runToEnd(index);
        runs += 1;
      }
    }),
  );
  return { runs, seconds: (performance.now() - startedAt) / 1000 };
}

async function measureCommits({ count }: { count: number }) {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now();
    await start(index);
    times.push(performance.now() - startedAt);
  }
  return { times };
}

await serve(async (request, response) => {
  const wanted = JSON.parse(await readBody(request)) as {
    seconds: number;
    concurrency: number;
    count: number;
  };
  const answer = request.url === '/commits' ? await measureCommits(wanted) : await measureRuns(wanted);
  response.end(JSON.stringify(answer));
});
