import type { Run } from '@switchyard/protocol';
import { type Fleet, type FleetMember, startFleet } from '../fleet/fleet.ts';

/** Times in ms, one for each round. */
export interface RecoveryTimes {
  /** From `kill -9` of a run's worker to the run's next event at a viewer; another worker is idle. */
  readonly kill: readonly number[];
  /** From the event that ends the step in which its worker was told to stop to the first event of another worker. */
  readonly handOver: readonly number[];
}

const todo = { toolCall: { name: 'todo', arguments: { todos: [] } } };

/** Kills workers, and tells others to stop, under runs that a viewer follows. */
export async function measureRecovery({ rounds }: { readonly rounds: number }): Promise<RecoveryTimes> {
  const fleet = await startFleet({ gateways: 1, workers: 2 });
  try {
    fleet.services.model.setScenario('words', {
      turns: [{ steps: [{ repeat: 'word ', times: 100, delayMs: 20 }] }],
    });
    fleet.services.model.setScenario('steps', {
      turns: [
        { steps: [{ repeat: 'word ', times: 25, delayMs: 20 }, todo] },
        { steps: [{ repeat: 'word ', times: 5, delayMs: 20 }] },
      ],
    });
    const kill: number[] = [];
    const handOver: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      kill.push(await timeKill(fleet));
      handOver.push(await timeHandOver(fleet));
    }
    return { kill, handOver };
  } finally {
    await fleet.stop();
  }
}

async function timeKill(fleet: Fleet): Promise<number> {
  const { run } = await fleet.client.startRun({ input: '[[scenario:words]]' });
  let killedAt: number | null = null;
  let firstEpoch: number | null = null;
  for await (const { epoch, chunk } of fleet.client.followRun(run.id)) {
    if (killedAt !== null && epoch !== null && epoch > (firstEpoch ?? epoch)) {
      const took = performance.now() - killedAt;
      await fleet.client.cancel(run.id);
      return took;
    }
    firstEpoch ??= epoch;
    if (killedAt !== null || chunk.type !== 'text-delta') continue;
    await replace(fleet, await workerOf(fleet, run), 'SIGKILL', () => (killedAt = performance.now()));
  }
  throw new Error('The run ended before anybody took it over.');
}

async function timeHandOver(fleet: Fleet): Promise<number> {
  const { run } = await fleet.client.startRun({ input: '[[scenario:steps]]' });
  let leaving: Promise<void> | null = null;
  let steppedAt = 0;
  let firstEpoch: number | null = null;
  for await (const { epoch, chunk } of fleet.client.followRun(run.id)) {
    firstEpoch ??= epoch;
    if (chunk.type === 'text-delta') leaving ??= replace(fleet, await workerOf(fleet, run), 'SIGTERM');
    if (chunk.type === 'finish-step' && steppedAt === 0) steppedAt = performance.now();
    if (epoch === null || firstEpoch === null || epoch <= firstEpoch) continue;
    const took = performance.now() - steppedAt;
    await leaving;
    return took;
  }
  throw new Error('The run ended where it began.');
}

/** Ends a worker; another takes its place once it is gone, so that the one that is there takes its runs. */
async function replace(
  fleet: Fleet,
  worker: FleetMember,
  signal: 'SIGTERM' | 'SIGKILL',
  onSignal: () => void = () => undefined,
): Promise<void> {
  onSignal();
  await fleet.remove(worker, signal);
  await fleet.addWorker();
}

async function workerOf(fleet: Fleet, run: Run): Promise<FleetMember> {
  const [row] = await fleet.services.sql<{ worker: string }[]>`
    select worker_id as worker from runs where id = ${run.id}`;
  const worker = fleet.workers.find(({ pid }) => row?.worker.endsWith(`-${pid}`));
  if (!worker) throw new Error('Nobody has the run.');
  return worker;
}
