import { startRunWorker } from '../src/index.ts';

/**
 * A worker in a process of its own, to be killed: `node worker-process.ts <redisUrl> <queueName>`. It says
 * `start <runId>` on stdout for each job and never ends one.
 */
const [redisUrl = '', queueName = ''] = process.argv.slice(2);
startRunWorker({
  redisUrl,
  queueName,
  concurrency: 4,
  lockMs: 1000,
  stalledMs: 300,
  execute: async ({ runId, signal }) => {
    process.stdout.write(`start ${runId}\n`);
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    process.stdout.write(`abort ${runId} ${(signal.reason as Error).name}\n`);
    return 'done';
  },
  onError: (error) => process.stderr.write(`${error.message}\n`),
  onStuck: (error) => {
    throw error;
  },
});
