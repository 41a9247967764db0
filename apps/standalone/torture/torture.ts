import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { now } from './clock.ts';
import { watchStandstills } from './deeds.ts';
import { judgeCalm } from './judge-calm.ts';
import { doMischief } from './mischief.ts';
import { createRandom } from './random.ts';
import { progressOf, type Report } from './report.ts';
import { runTask } from './run-task.ts';
import type { World } from './world.ts';

export interface TortureOptions {
  /** How long runs are started and harm is done; what runs then is still seen to its end. */
  readonly ms: number;
  readonly seed: number;
  /** Threads at once. */
  readonly threads?: number;
  /** Ends it before its time, in order. */
  readonly signal?: AbortSignal;
  /** Each run has this long from its start to its end, with all that is done to it. Default 3 minutes. */
  readonly stuckMs?: number;
  /** Where viewers go; default: to every gateway and to the balancer before them. */
  readonly urls?: (fleet: Fleet) => readonly string[];
  /** Gets a line now and then, and each violation as soon as it is seen. */
  readonly say: (line: string) => void;
}

const progressMs = 15_000;
/** Workspaces: each is one sandbox, which many threads share. */
const projectCount = 6;
/** Of the log of each process, about a run that something is wrong with. */
const shownDeedsMs = 60_000;
const shownLines = 40;
const shownCharacters = 600;

/**
 * Starts a fleet, uses it and harms it at random for a while, and holds it to all that it promises. Rejects only when it
 * could not be done.
 */
export async function torture(options: TortureOptions): Promise<Report> {
  const { ms, seed, threads = 8, say } = options;
  const startedAt = performance.now();
  const random = createRandom(seed);
  const fleet = await startFleet({ gateways: 2, workers: 3 });
  const violations: Report['violations'][number][] = [];
  const gatewayUrls = () => fleet.gateways.flatMap(({ url }) => (url === null ? [] : [url]));
  const world: World = {
    fleet,
    stuckMs: options.stuckMs ?? 180_000,
    deeds: [],
    gone: [],
    viewers: { events: 0, cutByViewers: 0, cutByFleet: 0 },
    runs: { started: 0, ended: new Map() },
    urls: () => options.urls?.(fleet) ?? [fleet.url, ...gatewayUrls()],
    report(about, seen) {
      for (const violation of seen) {
        violations.push({ ...violation, about });
        say(`VIOLATION (${violation.kind}) ${about}: ${violation.words}`);
      }
      if (seen.length === 0) return;
      for (const line of [...recentDeeds(world), ...linesAbout(world, about)]) say(`  ${line}`);
    },
  };
  const report = (): Report => {
    const { viewers, runs, deeds } = world;
    return { seed, tookMs: performance.now() - startedAt, viewers, runs, deeds, violations };
  };
  const refused = (error: unknown) =>
    world.report('a thread', [{ kind: 'wrong', count: 1, words: `a request failed: ${String(error)}` }]);
  const standstills = watchStandstills(world.deeds);
  const timer = setInterval(() => say(progressOf(report())), progressMs);
  try {
    const projects = await Promise.all(
      Array.from({ length: projectCount }, async () => await fleet.client.projects.create()),
    );
    const over = AbortSignal.any([AbortSignal.timeout(ms), ...(options.signal ? [options.signal] : [])]);
    await Promise.all([
      doMischief(world, random.fork(), over),
      ...Array.from({ length: threads }, async (_, index) => {
        const project = projects[index % projectCount]?.project;
        const own = random.fork();
        if (!project) throw new Error('There is no project.');
        while (!over.aborted) await runTask(world, own, project.id).catch(refused);
      }),
    ]);
    world.report('the fleet afterwards', await judgeCalm(world));
    return report();
  } finally {
    clearInterval(timer);
    standstills.stop();
    await fleet.stop();
  }
}

/** What was done to the fleet lately, newest last. */
function recentDeeds({ deeds }: World): string[] {
  const time = (at: number) => new Date(at).toISOString().slice(11, 23);
  return deeds
    .filter(({ until }) => (until ?? Infinity) > now() - shownDeedsMs)
    .map(({ what, at, until, pid }) => {
      const end = until === null ? 'still going on' : `until ${time(until)}`;
      return `${time(at)} ${what}${pid === null ? '' : ` (${pid})`}, ${end}`;
    });
}

/** What its workers said about a run, by its id: all but what viewers did. */
function linesAbout({ fleet, gone }: World, about: string): string[] {
  const [id] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(about) ?? [];
  if (id === undefined) return [];
  return [...gone, ...fleet.workers].flatMap(({ name, url, lines }) =>
    lines
      .filter((line) => url === null && line.includes(id))
      .slice(-shownLines)
      .map((line) => `${name}: ${line.slice(0, shownCharacters)}`),
  );
}
