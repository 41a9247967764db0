import type { Run, ToolPart } from '@switchyard/protocol';
import type { Scenario } from '@switchyard/stand-ins';
import { createCommandSplitter } from '../fleet/commands.ts';
import { type Fleet, type FleetMember, startFleet } from '../fleet/fleet.ts';
import { type Frame, framesOf, ordinalsOf } from '../fleet/frames.ts';
import { messageOf, orderOf } from '../fleet/judge-frames.ts';
import { isSameJson } from '../src/same-json.ts';
import type { Tap } from '../fleet/line.ts';
import { countLines, readUsage, readWorkerPid } from '../fleet/traces.ts';

/**
 * Where a worker is stopped: at its n-th command, which the service does not see, or answers to nobody. One that `freezes`
 * is thawed when another has ended its run; the command that was kept back then goes on its way.
 */
export interface CrashPoint {
  readonly at: number;
  readonly side: 'before' | 'after';
  readonly how: 'dies' | 'freezes';
}

/** What became of the run. `isReached` is false when it ended before its worker's n-th command. */
export interface Crash {
  readonly isReached: boolean;
  /** Of the commands up to the point, all wires together, in order. */
  readonly labels: readonly string[];
  /** From the stop to the first event of a later claim at a viewer, in ms; null when the run had ended by then. */
  readonly recoveryMs: number | null;
  /** What is wrong, in words; empty when nothing is. */
  readonly violations: readonly string[];
}

/** Says nothing of a run: connections, locks and their renewal, fetches, the sweep. */
const background =
  /^(ping|info|client|hello|auth|select|subscribe|unsubscribe|bzpopmin|zadd \{switchyard\}:runs:marker|set lease:|script of lease:|script of \{switchyard\}:runs:stalled|script of$|hgetall|hget \{switchyard\}|hset \{switchyard\}:runs:meta|find_troubled_runs|find_loose_objects|is_cancel_requested|select 1|sync|select b\.oid)/;

/** Fills most of the window of the reference run's model, so that its second step is a summary. */
const output = 'head -c 28000 /dev/zero | tr "\\0" x';
const notes = 'NOTES-WERE-TAKEN';
/** Chosen by the last message of the user, in this order. */
const scenarios: Readonly<Record<string, Scenario>> = {
  summary: {
    match: { text: 'Write the summary of this conversation.' },
    turns: [{ steps: [{ text: notes }] }],
  },
  after: { match: { text: notes }, turns: [{ steps: [{ text: ['All ', 'done.'] }] }] },
  reference: {
    match: { text: 'Do the reference task.' },
    turns: [
      {
        steps: [
          { text: 'Let me look.' },
          { toolCall: { name: 'list_files', arguments: { path: '.' } } },
          { toolCall: { name: 'list_files', arguments: { path: '/workspace' } } },
          { toolCall: { name: 'shell', arguments: { command: `echo free >> free.txt; ${output}` } } },
          {
            toolCall: {
              name: 'shell',
              arguments: { command: 'echo asked >> asked.txt; echo done', consent: 'May I?' },
            },
          },
        ],
      },
      { steps: [{ text: ['All ', 'done.'] }] },
    ],
  },
  plain: { turns: [{ steps: [{ text: 'Here.' }] }] },
};

/** A fleet in which one worker after the other dies, and the same one goes on with what they leave. */
export interface CrashLane {
  crash(point: CrashPoint): Promise<Crash>;
  stop(): Promise<void>;
}

export async function startCrashLane(): Promise<CrashLane> {
  const fleet = await startFleet({ gateways: 1, workers: 1, models: 'small; window=16000; output=2000' });
  for (const [name, scenario] of Object.entries(scenarios)) fleet.services.model.setScenario(name, scenario);
  const [rescuer] = fleet.workers;
  if (!rescuer) throw new Error('There is no worker.');
  return {
    async crash(point) {
      for (const line of Object.values(rescuer.to)) {
        // In this order: what connects again is silent, and the queue gives a silent worker nothing.
        line.hush();
        line.cut();
      }
      const trap = createTrap(point);
      const victim = await fleet.addWorker({ taps: trap.taps });
      try {
        return await observe(fleet, { victim, rescuer, trap, how: point.how });
      } finally {
        if (victim.isRunning()) await fleet.remove(victim, 'SIGKILL');
      }
    },
    stop: () => fleet.stop(),
  };
}

interface Trap {
  readonly taps: { readonly redis: Tap; readonly postgres: Tap; readonly sandboxes: Tap };
  readonly labels: readonly string[];
  /** Resolves when the worker is to die. */
  readonly sprung: Promise<void>;
  arm(): void;
  /** From now on everything passes. */
  release(): void;
}

function createTrap({ at, side }: CrashPoint): Trap {
  const labels: string[] = [];
  const { promise: sprung, resolve: spring } = Promise.withResolvers<void>();
  let isArmed = false;
  let isSprung = false;
  let isThawed = false;
  const tapOf = (wire: 'redis' | 'postgres' | 'http'): Tap => ({
    connect() {
      const split = createCommandSplitter(wire);
      return (bytes) =>
        split(bytes).map((command) => {
          // Who is about to die says nothing more.
          if (isSprung) return { bytes: command.bytes, fate: isThawed ? 'pass' : 'hold' };
          if (!isArmed || command.label === null || background.test(command.label))
            return { bytes: command.bytes, fate: 'pass' };
          labels.push(`${wire}: ${command.label.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':id')}`);
          if (labels.length < at) return { bytes: command.bytes, fate: 'pass' };
          isSprung = true;
          if (side === 'after') return { bytes: command.bytes, fate: 'pass-and-hold-answers' };
          spring();
          return { bytes: command.bytes, fate: 'hold' };
        });
    },
    onHeldAnswer: () => spring(),
  });
  return {
    taps: { redis: tapOf('redis'), postgres: tapOf('postgres'), sandboxes: tapOf('http') },
    labels,
    sprung,
    arm: () => void (isArmed = true),
    release: () => void (isThawed = true),
  };
}

async function observe(
  fleet: Fleet,
  around: {
    readonly victim: FleetMember;
    readonly rescuer: FleetMember;
    readonly trap: Trap;
    readonly how: CrashPoint['how'];
  },
): Promise<Crash> {
  const { victim, rescuer, trap, how } = around;
  trap.arm();
  const { run, streamUrl } = await fleet.client.startRun({
    input: 'Do the reference task.',
    model: 'small',
  });
  let stoppedAt: number | null = null;
  let left: Left | null = null;
  async function stopVictim(): Promise<void> {
    await trap.sprung;
    stoppedAt = performance.now();
    if (how === 'dies') await fleet.remove(victim, 'SIGKILL');
    else victim.signal('SIGSTOP');
    const [row] = await fleet.services.sql<{ epoch: number; isEnded: boolean }[]>`
      select epoch, ended_at is not null as "isEnded" from runs where id = ${run.id}`;
    if (row) left = { ...row, at: stoppedAt };
    for (const line of Object.values(rescuer.to)) line.carryOn();
  }
  const stopping = stopVictim();
  const seen = await watch(fleet, run.id, streamUrl);
  const { run: ended } = await fleet.client.getRun(run.id, { waitMs: 30_000 });
  const violations = await judge(fleet, { run: ended, victim }, seen);
  if (stoppedAt !== null) await stopping;
  const recoveryMs = recoveryOf(seen.frames, left);
  if (left !== null && !(left as Left).isEnded && recoveryMs === null)
    violations.push('no event came from another claim');
  if (stoppedAt !== null && how === 'freezes') {
    const labels = [...trap.labels];
    trap.release();
    violations.push(...(await thaw(fleet, victim, rescuer)));
    violations.push(
      ...(await judge(fleet, { run: ended, victim }, seen)).map((words) => `after the thaw: ${words}`),
    );
    return { isReached: true, labels, recoveryMs, violations };
  }
  return {
    isReached: stoppedAt !== null,
    labels: [...trap.labels],
    recoveryMs,
    violations,
  };
}

interface Seen {
  readonly frames: readonly (Frame & { readonly at: number })[];
  readonly isDone: boolean;
  /** How often the gateway cut it off. */
  readonly cuts: number;
}

/** Follows the run by plain fetch from its beginning to its end, rejoins when it is cut off, and agrees to what it asks. */
async function watch(fleet: Fleet, runId: string, streamUrl: string): Promise<Seen> {
  const frames: (Frame & { readonly at: number })[] = [];
  const agreed: Promise<unknown>[] = [];
  async function follow(): Promise<boolean> {
    const lastEventId = frames.findLast(({ id }) => id !== null)?.id;
    const response = await fetch(streamUrl, {
      headers: {
        authorization: `Bearer ${fleet.apiKey}`,
        ...(typeof lastEventId === 'string' ? { 'last-event-id': lastEventId } : {}),
      },
    });
    if (!response.body) throw new Error(`The stream answered ${response.status}.`);
    for await (const frame of framesOf(response.body)) {
      if (frame.data === '[DONE]') return true;
      frames.push({ ...frame, at: performance.now() });
      const chunk = JSON.parse(frame.data) as { type: string; approvalId?: string };
      if (chunk.type === 'tool-approval-request' && chunk.approvalId !== undefined) {
        // Shown again after a crash, it is answered again: that changes nothing.
        agreed.push(fleet.client.approve(runId, chunk.approvalId, { approved: true }));
      }
    }
    return false;
  }
  let isDone = false;
  let connections = 0;
  for (; !isDone && connections < 10; connections += 1) {
    isDone = await follow().catch((error: unknown) => {
      // A stream that was cut off; anything else is a fault of the test.
      if (error instanceof TypeError) return false;
      throw error;
    });
  }
  await Promise.all(agreed);
  return { frames, isDone, cuts: connections - 1 };
}

/** What a stopped worker left: the run's epoch, and whether it had ended. Nobody else can have claimed it by then. */
interface Left {
  readonly at: number;
  readonly epoch: number;
  readonly isEnded: boolean;
}

/** Events of the stopped worker that were on their way do not count. */
function recoveryOf(frames: Seen['frames'], left: Left | null): number | null {
  if (left === null || left.isEnded) return null;
  const next = frames.find(({ id }) => id !== null && Number(id.split('-')[0]) > left.epoch);
  return next ? next.at - left.at : null;
}

/** Lets a frozen worker go on, with all that it had said. It must let its run go and do another job. */
async function thaw(fleet: Fleet, victim: FleetMember, rescuer: FleetMember): Promise<string[]> {
  for (const line of Object.values(rescuer.to)) {
    line.hush();
    line.cut();
  }
  for (const line of Object.values(victim.to)) line.carryOn();
  victim.signal('SIGCONT');
  const { run } = await fleet.client.startRun({ input: '[[scenario:plain]]' });
  const { run: ended } = await fleet.client.getRun(run.id, { waitMs: 60_000 });
  const violations: string[] = [];
  if (ended.status !== 'completed') violations.push(`another job after the thaw is ${ended.status}`);
  const deadline = performance.now() + 30_000;
  while ((await activeRuns(victim)) > 0) {
    if (performance.now() > deadline) return [...violations, 'the thawed worker does not let its run go'];
  }
  const open = fleet.services.model.requests.filter(
    (request) => request.endedAt === null && request.abortedAt === null,
  );
  if (open.length > 0) violations.push(`${open.length} model requests are still open`);
  return violations;
}

async function activeRuns({ adminUrl }: FleetMember): Promise<number> {
  const response = await fetch(`${adminUrl}/status`);
  return ((await response.json()) as { activeRuns: number }).activeRuns;
}

async function judge(
  fleet: Fleet,
  { run, victim }: { readonly run: Run; readonly victim: FleetMember },
  { frames, isDone, cuts }: Seen,
): Promise<string[]> {
  const violations: string[] = [];
  const check = (holds: boolean, words: string) => void (holds || violations.push(words));
  check(run.status === 'completed' && run.reason === 'answered', `ended as ${run.status} (${run.reason})`);
  check(isDone, 'the stream ended without [DONE]');
  const { lost, repeated, nameless, replays } = orderOf(frames);
  check(lost + repeated + nameless === 0 && replays <= 1, `ordinals ${ordinalsOf(frames).join(' ')}`);
  check(frames.findLast(({ id }) => id !== null)?.id === run.lastEventId, 'the last event is another');
  // Only who died between the run's end and its last event leaves a log that viewers are taken from.
  const isOfVictim = (await readWorkerPid(fleet.services.sql, run.id)) === victim.pid;
  check(cuts === 0 || isOfVictim, `the viewer was cut off ${cuts} times`);
  const { messages } = await fleet.client.messages(run.threadId);
  const message = messages.at(-1);
  check(isSameJson(await messageOf(frames), message), 'the viewer has another message');
  const calls = (message?.parts ?? []).filter((part): part is ToolPart => part.type === 'tool-shell');
  for (const [index, file] of ['free.txt', 'asked.txt'].entries()) {
    const lines = await countLines(fleet.client, run.projectId, file);
    const call = calls[index];
    const isKnown = call?.state === 'output-available';
    check(lines <= 1, `${file} was written ${lines} times`);
    check(!isKnown || lines === 1, `${file} was written ${lines} times, and its call says that it ran`);
    check(
      isKnown || (call?.state === 'output-error' && call.errorText.includes('outcome unknown')),
      `the call for ${file} is ${call?.state ?? 'not there'}`,
    );
  }
  const { total, counted, open, exact } = await readUsage(fleet.services.sql, run.id);
  check(total === counted, `usage rows say ${total}, the run ${counted}`);
  check(open === 0, 'a usage row is open');
  const summaries = (message?.parts ?? []).filter(({ type }) => type === 'data-summary').length;
  const isFull = calls[0]?.state === 'output-available';
  check(summaries === (isFull ? 1 : 0), `${summaries} summaries, and the first output is ${calls[0]?.state}`);
  check(
    exact === 2 + summaries,
    `${exact} answers were counted exactly, for two steps and ${summaries} summaries`,
  );
  return violations;
}
