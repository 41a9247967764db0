import path from 'node:path';
import { type GuardedProcess, type RecordedRequest, startGuardedProcess } from '@switchyard/stand-ins';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { cpuMs } from './process-cpu.ts';
import { watchMemory } from './process-memory.ts';

/** What the loop of a worker costs, and that of the AI SDK, a step. The model's and the tools' own time is in none of it. */
export interface LoopFigures {
  readonly step: { readonly ours: StepCosts; readonly sdk: StepCosts };
  readonly long: {
    readonly steps: number;
    readonly ms: number;
    /** Of the second half, by that of the first. */
    readonly cpuRatio: number;
    readonly wallRatio: number;
    /** How much more the worker held than before, at most, and once the run had ended. */
    readonly growth: { readonly most: number; readonly left: number };
  };
  readonly many: {
    readonly count: number;
    readonly stepsEach: number;
    readonly ms: number;
    readonly failures: number;
    /** Of one such run alone. */
    readonly aloneMs: number;
  };
}

/** In ms, one for each round. */
interface StepCosts {
  /** Of the process in which the loop runs. */
  readonly cpu: number[];
  /** From the end of an answer to the next request, both as the model's server sees them. */
  readonly wall: number[];
}

const stepsOfRound = 100;
const summaryRequest = 'Write the summary of this conversation.';

/** Runs of one worker that has nothing else to do. */
export async function measureLoop(options: {
  readonly rounds: number;
  readonly longSteps: number;
  readonly many: number;
}): Promise<LoopFigures> {
  const fleet = await startFleet({
    gateways: 1,
    workers: 1,
    models: 'wide; window=1000000, narrow; window=32000; output=1000',
    environment: { CONCURRENCY: String(options.many) },
  });
  try {
    // The first that fits answers.
    const { model } = fleet.services;
    model.setScenario('summary', {
      match: { text: summaryRequest },
      turns: [{ steps: [{ text: 'Goal: go on with the reading.' }] }],
    });
    model.setScenario('plans', { turns: plansFor(stepsOfRound) });
    model.setScenario('few-plans', { turns: plansFor(manySteps) });
    const step = await measureStep(fleet, options.rounds);
    return {
      step,
      long: await measureLong(fleet, options.longSteps),
      many: await measureMany(fleet, options.many),
    };
  } finally {
    await fleet.stop();
  }
}

/** A step says twenty words and calls a tool that needs nothing; the last one only speaks. No two calls are the same. */
function plansFor(steps: number) {
  const words = Array.from({ length: 20 }, (_, index) => `word-${index} `);
  return Array.from({ length: steps }, (_, index) => {
    const todos = [{ text: `Item ${index}.`, status: 'done' }];
    const call = { toolCall: { name: 'todo', arguments: { todos } } };
    return { steps: index < steps - 1 ? [{ text: words }, call] : [{ text: 'Done.' }] };
  });
}

async function measureStep(fleet: Fleet, rounds: number): Promise<LoopFigures['step']> {
  const sdk = await startSdk(fleet.services.model.url);
  try {
    const loops = {
      ours: {
        pid: workerOf(fleet).pid,
        run: async () => await runToEnd(fleet, { input: '[[scenario:plans]]' }),
      },
      sdk: { pid: sdk.pid, run: async () => await sdk.run('[[scenario:plans]]') },
    };
    const costs = { ours: { cpu: [], wall: [] }, sdk: { cpu: [], wall: [] } } as LoopFigures['step'];
    // The first round compiles what the others run.
    for (let round = -1; round < rounds; round += 1) {
      for (const name of ['ours', 'sdk'] as const) {
        const { pid, run } = loops[name];
        const before = { cpu: cpuMs(pid), requests: fleet.services.model.requests.length };
        await run();
        const requests = fleet.services.model.requests.slice(before.requests);
        if (requests.length !== stepsOfRound) throw new Error(`${requests.length} requests in a round.`);
        if (round < 0) continue;
        costs[name].cpu.push((cpuMs(pid) - before.cpu) / stepsOfRound);
        costs[name].wall.push(betweenAnswers(requests) / (stepsOfRound - 1));
      }
    }
    return costs;
  } finally {
    await sdk.process.stop(5000);
  }
}

/** The time in which no answer was under way, in ms. */
function betweenAnswers(requests: readonly RecordedRequest[]): number {
  return requests
    .slice(1)
    .reduce((sum, { receivedAt }, index) => sum + receivedAt - (requests[index]?.endedAt ?? NaN), 0);
}

/** A run that reads 500 tokens a step, on a window that soon has no room for them but by leaving out and summaries. */
async function measureLong(fleet: Fleet, steps: number): Promise<LoopFigures['long']> {
  const { client, services } = fleet;
  const { project } = await client.projects.create();
  const lines = Array.from({ length: 2 * steps }, (_, index) => `This is line ${index} of the file.`);
  await client.files.write(project.id, 'long.txt', lines.join('\n'));
  const text = 'Read the long file.';
  services.model.setScenario('long', {
    match: { text },
    turns: Array.from({ length: steps }, (_, index) => {
      const input = { path: 'long.txt', offset: index + 1, limit: 60 };
      return {
        steps: [{ text: `Now line ${index}.` }, { toolCall: { name: 'read_file', arguments: input } }],
      };
    }),
  });
  const { pid } = workerOf(fleet);
  const before = services.model.requests.length;
  const memory = watchMemory({ worker: pid });
  try {
    const limits = { maxSteps: steps };
    const { run } = await client.startRun({ input: text, model: 'narrow', projectId: project.id, limits });
    const at = () => ({ ms: performance.now(), cpu: cpuMs(pid) });
    const begun = at();
    let half = begun;
    let done = 0;
    for await (const { chunk } of client.followRun(run.id)) {
      if (chunk.type !== 'finish-step') continue;
      done += 1;
      if (done === steps / 2) half = at();
    }
    const ended = at();
    const { run: row } = await client.getRun(run.id);
    if (row.reason !== 'step-limit' || done !== steps)
      throw new Error(`The long run ended as ${row.reason} after ${done} steps.`);
    const strays = services.model.requests.slice(before).filter(({ scenario }) => scenario !== 'long');
    if (strays.length === 0 || strays.some(({ scenario }) => scenario !== 'summary'))
      throw new Error('The long run was not summarised, or left its script.');
    return {
      steps,
      ms: ended.ms - begun.ms,
      cpuRatio: (ended.cpu - half.cpu) / (half.cpu - begun.cpu),
      wallRatio: (ended.ms - half.ms) / (half.ms - begun.ms),
      growth: { most: memory.growth().worker, left: memory.growthNow().worker },
    };
  } finally {
    memory.stop();
  }
}

const manySteps = 10;

async function measureMany(fleet: Fleet, count: number): Promise<LoopFigures['many']> {
  const one = { input: '[[scenario:few-plans]]' };
  const aloneAt = performance.now();
  await runToEnd(fleet, one);
  const startedAt = performance.now();
  const ends = await Promise.allSettled(Array.from({ length: count }, () => runToEnd(fleet, one)));
  const failures = ends.filter(({ status }) => status === 'rejected').length;
  return {
    count,
    stepsEach: manySteps,
    ms: performance.now() - startedAt,
    failures,
    aloneMs: startedAt - aloneAt,
  };
}

async function runToEnd({ client }: Fleet, request: { readonly input: string }): Promise<void> {
  const { run } = await client.startRun(request);
  const { run: ended } = await client.getRun(run.id, { waitMs: 60_000 });
  if (ended.reason !== 'answered') throw new Error(`A run is ${ended.status}: ${ended.reason}.`);
}

function workerOf({ workers: [worker] }: Fleet) {
  if (!worker) throw new Error('There is no worker.');
  return worker;
}

interface Sdk {
  readonly pid: number;
  readonly process: GuardedProcess;
  run(prompt: string): Promise<void>;
}

async function startSdk(modelUrl: string): Promise<Sdk> {
  const child = await startGuardedProcess({
    command: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      path.join(import.meta.dirname, 'baselines/stream-text.ts'),
      modelUrl,
    ],
    environment: { PATH: process.env['PATH'] ?? '' },
    workingDirectory: import.meta.dirname,
    stopSignal: 'TERM',
  });
  const { url } = JSON.parse(await child.nextLine(/"msg":"ready"/)) as { url: string };
  return {
    pid: child.pid,
    process: child,
    async run(prompt) {
      const answer = await fetch(url, { method: 'POST', body: prompt });
      if (!answer.ok) throw new Error(`The AI SDK's loop was answered with ${answer.status}.`);
      await answer.text();
    },
  };
}
