import type { Deed, DeedName } from './deeds.ts';
import type { Violation } from './evidence.ts';
import type { World } from './world.ts';

/** What a torture saw, so far or in all. */
export interface Report {
  readonly seed: number;
  readonly tookMs: number;
  readonly viewers: World['viewers'];
  readonly runs: World['runs'];
  readonly deeds: readonly Deed[];
  readonly violations: readonly (Violation & { readonly about: string })[];
}

/** One line of how far it has come. */
export function progressOf({ tookMs, runs, viewers, deeds, violations }: Report): string {
  const ended = [...runs.ended.values()].reduce((sum, count) => sum + count, 0);
  const kills = countOf(deeds, 'kill a worker');
  return (
    `${(tookMs / 1000).toFixed(0).padStart(4)} s: ${ended} of ${runs.started} runs ended, ${kills} workers killed, ` +
    `${disconnectsOf(viewers)} disconnects, ${viewers.events} events, ${violations.length} violations`
  );
}

/** The last lines: all that is counted, and the seed. */
export function summaryOf(report: Report): string[] {
  const { seed, tookMs, runs, viewers, deeds, violations } = report;
  const sum = (kind: Violation['kind']) =>
    violations.filter((violation) => violation.kind === kind).reduce((total, { count }) => total + count, 0);
  const endings = [...runs.ended].map(([status, count]) => `${count} ${status}`).join(', ');
  const others = [...Map.groupBy(deeds, ({ what }) => what)]
    .filter(([what]) => !/^(kill a|freeze)/.test(what))
    .map(([what, done]) => `${what} ${done.length}`);
  return [
    `seed                ${seed}`,
    `took                ${(tookMs / 1000).toFixed(0)} s`,
    `runs                ${runs.started} (${endings})`,
    `workers killed      ${countOf(deeds, 'kill a worker')}`,
    `gateways killed     ${countOf(deeds, 'kill a gateway')}`,
    `workers frozen      ${countOf(deeds, 'freeze a worker')}`,
    `other deeds         ${others.join(', ')}`,
    `disconnects         ${disconnectsOf(viewers)} (${viewers.cutByFleet} of them by what was done to the fleet)`,
    `events seen         ${viewers.events}`,
    `lost                ${sum('lost')}`,
    `repeated            ${sum('repeated')}`,
    `tools run twice     ${sum('run twice')}`,
    `steps paid twice    ${sum('paid twice')}`,
    `stuck               ${sum('stuck')}`,
    `otherwise wrong     ${sum('wrong')}`,
  ];
}

/** 1 when anything was seen that must never be. */
export function exitCodeOf({ violations }: Report): 0 | 1 {
  return violations.length > 0 ? 1 : 0;
}

function countOf(deeds: readonly Deed[], name: DeedName): number {
  return deeds.filter(({ what }) => what === name).length;
}

function disconnectsOf({ cutByViewers, cutByFleet }: World['viewers']): number {
  return cutByViewers + cutByFleet;
}
