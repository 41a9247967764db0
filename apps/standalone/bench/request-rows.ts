import type { Samples } from './measure-attach.ts';
import { percentile, round, spread } from './percentile.ts';
import type { System } from './systems.ts';
import type { Row } from './table.ts';

function of(samples: Samples, name: System['name']): number[] {
  return samples.get(name) ?? [];
}

/** How soon a run that goes on is shown to one who comes. */
export function attachRow(firstByte: Samples): Row {
  const p99 = percentile(of(firstByte, 'Switchyard'), 99);
  return {
    what: 'GET attach → first byte, p50 / p99',
    ours: spread(of(firstByte, 'Switchyard')),
    baselines: { DIY: spread(of(firstByte, 'DIY')), floor: spread(of(firstByte, 'floor')) },
    target: 'p99 < 5 ms',
    isMet: p99 < 5,
  };
}

/** How soon a request that starts a run is answered, beside the commit that it waits for. */
export function firstByteRow(firstByte: Samples, commits: readonly number[]): Row {
  const commit = percentile(commits, 50);
  const p50 = percentile(of(firstByte, 'Switchyard'), 50);
  return {
    what: 'POST with stream → first byte, p50 / p99',
    ours: spread(of(firstByte, 'Switchyard')),
    baselines: { DIY: spread(of(firstByte, 'DIY')), skeleton: `${spread(commits)} (commit)` },
    target: `p50 ≤ commit + 5 = ${round(commit + 5)}`,
    isMet: p50 <= commit + 5,
  };
}

/** What lies between a client and the first token that the model itself does not take. */
export function addedRow(firstToken: Samples): Row {
  const base = percentile(of(firstToken, 'direct'), 50);
  const added = (name: System['name']) => of(firstToken, name).map((time) => time - base);
  const ours = percentile(added('Switchyard'), 50);
  const diy = percentile(added('DIY'), 50);
  return {
    what: 'Added time to first token, p50 / p99',
    ours: spread(added('Switchyard')),
    baselines: {
      DIY: spread(added('DIY')),
      floor: spread(added('floor')),
      direct: `${spread(of(firstToken, 'direct'))} (all)`,
    },
    target: `p50 ≤ 5 and ≤ 1.2 × DIY; is ${round(ours / diy)} ×`,
    isMet: ours <= 5 && ours <= 1.2 * diy,
  };
}

/** How many short runs a second are done and stored. */
export function rateRow(rates: ReadonlyMap<System['name'] | 'skeleton', number[]>): Row {
  const median = (name: System['name'] | 'skeleton') => percentile(rates.get(name) ?? [], 50);
  const ours = median('Switchyard');
  const ofSkeleton = ours / median('skeleton');
  const ofDiy = ours / median('DIY');
  return {
    what: 'One-token runs a second, persisted',
    ours: round(ours),
    baselines: {
      DIY: round(median('DIY')),
      floor: round(median('floor')),
      skeleton: round(median('skeleton')),
    },
    target: `≥ 0.5 × skeleton, ≥ 1 × DIY; is ${round(ofSkeleton)} ×, ${round(ofDiy)} ×`,
    isMet: ofSkeleton >= 0.5 && ofDiy >= 1,
  };
}
