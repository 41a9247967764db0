import { setTimeout as delay } from 'node:timers/promises';
import { isEnded, type Run, type SwitchyardMessage } from '@switchyard/protocol';
import { snapshot } from '@switchyard/store';
import type { Frame } from '../fleet/frames.ts';
import { countLines, readUsage, readWorkerPid } from '../fleet/traces.ts';
import type { RunEvidence } from './evidence.ts';
import { judgeRun } from './judge-run.ts';
import { patiently } from './patiently.ts';
import type { RunPlan } from './plans.ts';
import type { Random } from './random.ts';
import { watchBadly, watchWell } from './watch.ts';
import type { World } from './world.ts';

/** After a run's end its viewers have this long to come to it: cut off every few events, with gateways that die. */
const lateMs = 120_000;

/** A run that was started, and what is to happen to it. */
export interface StartedRun {
  readonly run: Run;
  readonly plan: RunPlan;
  readonly scenario: string;
  readonly viewers: number;
  readonly random: Random;
  /** What people have done to it meanwhile; read when it has ended. */
  readonly fate: { cancel: RunEvidence['cancel']; isEdited: boolean };
}

/** Follows a run to its end by many viewers, answers what it asks, and judges it. Resolves with the run as it ended. */
export async function followRun(world: World, started: StartedRun): Promise<Run | null> {
  const { fleet, viewers: counts } = world;
  const { run, plan, random } = started;
  const leaving = new AbortController();
  const answered = new Map<string, Promise<unknown>>();
  const isAgreed = !plan.marks.some(({ consent }) => consent === 'refuses');

  function onFrame({ data }: Frame): void {
    if (!data.startsWith('{"type":"tool-approval-request"')) return;
    const { approvalId } = JSON.parse(data) as { approvalId: string };
    // Seen by every viewer, and after a crash again: a person answers once.
    if (!answered.has(approvalId)) answered.set(approvalId, answer(approvalId));
  }

  async function answer(approvalId: string): Promise<void> {
    await delay(random.between(0, 1500));
    try {
      await patiently(() => fleet.client.approve(run.id, approvalId, { approved: isAgreed }));
    } catch (error) {
      // A run that was stopped meanwhile asks no more.
      if (started.fate.cancel === 'not wanted') throw error;
    }
  }

  const watching = { runId: run.id, counts, onFrame, signal: leaving.signal };
  const watches = [
    watchWell(fleet.client, watching),
    ...Array.from({ length: started.viewers }, () =>
      watchBadly({ ...watching, apiKey: fleet.apiKey, urls: world.urls, random: random.fork() }),
    ),
  ];
  try {
    const ended = await whenEnded(world, run.id);
    if (!isEnded(ended.status)) {
      const words = `${plan.name}: still ${ended.status} after ${world.stuckMs / 1000} s: ${await tellOf(world, run.id)}`;
      world.report(`run ${run.id}`, [{ kind: 'stuck', count: 1, words }]);
      return null;
    }
    watches.push(watchWell(fleet.client, watching));
    await Promise.race([
      Promise.all(watches.map((watch) => watch.ended)),
      delay(lateMs, undefined, { ref: false }),
    ]);
    leaving.abort();
    await Promise.all([...watches.map((watch) => watch.ended), ...answered.values()]);
    const sightings = watches.map(({ sighting }) => sighting);
    const evidence = await collect(world, { ...started, run: ended, sightings });
    const how = ended.status === 'failed' ? `failed (${ended.reason})` : ended.status;
    world.runs.ended.set(how, (world.runs.ended.get(how) ?? 0) + 1);
    world.report(`run ${run.id} (${plan.name})`, await judgeRun(evidence));
    return ended;
  } finally {
    leaving.abort();
  }
}

async function whenEnded({ fleet, stuckMs }: World, runId: string): Promise<Run> {
  const deadline = performance.now() + stuckMs;
  for (;;) {
    const { run } = await patiently(() => fleet.client.getRun(runId, { waitMs: Math.min(10_000, stuckMs) }));
    if (isEnded(run.status) || performance.now() > deadline) return run;
  }
}

/** For whoever looks for what a run waits for. */
async function tellOf({ fleet }: World, runId: string): Promise<string> {
  const [row] = await fleet.services.sql`
    select epoch, wakeup, crashes, steps, worker_id, touched_at, started_at, cancel_requested_at from runs where id = ${runId}`;
  return JSON.stringify(row ?? null);
}

async function collect(
  { fleet, deeds }: World,
  found: StartedRun & Pick<RunEvidence, 'sightings'>,
): Promise<RunEvidence> {
  const { run, plan, scenario, fate, sightings } = found;
  const { sql, model } = fleet.services;
  const [messages, stored, usage, workerPid, ...lines] = await Promise.all([
    patiently(() => fleet.client.messages(run.threadId)),
    patiently(() => snapshot(sql, { runId: run.id })),
    patiently(() => readUsage(sql, run.id)),
    patiently(() => readWorkerPid(sql, run.id)),
    ...plan.marks.map(({ file }) => patiently(() => countLines(fleet.client, run.projectId, file))),
  ]);
  const message: SwitchyardMessage | null = messages.messages.find(({ id }) => id === run.messageId) ?? null;
  return {
    plan,
    run: stored.run,
    ...fate,
    sightings,
    message,
    storedParts: stored.parts.map(({ part }) => part),
    usage,
    lines,
    requests: model.requests.filter((request) => request.scenario === scenario),
    workerPid,
    deeds,
  };
}
