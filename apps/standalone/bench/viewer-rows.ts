import type { Samples } from './measure-attach.ts';
import { percentile, round, spread } from './percentile.ts';
import type { Row } from './table.ts';

/** The lines for what many viewers of one run get and cost; `delays` by their number. */
export function viewerRows(delays: Readonly<Record<number, Samples>>, memory: Samples): Row[] {
  const delivery = Object.entries(delays).map(([viewers, samples]): Row => {
    const of = (name: 'Switchyard' | 'DIY' | 'floor') => samples.get(name) ?? [];
    const ratio = percentile(of('Switchyard'), 99) / percentile(of('floor'), 99);
    return {
      what: `Model → each of ${viewers} viewers, p50 / p99`,
      ours: spread(of('Switchyard')),
      baselines: { DIY: spread(of('DIY')), floor: spread(of('floor')) },
      target: `p99 ≤ 1.5 × floor; is ${round(ratio)} ×`,
      isMet: ratio <= 1.5,
    };
  });
  const kibibytes = (name: 'Switchyard' | 'DIY' | 'floor') => (memory.get(name)?.[0] ?? NaN) / 1024;
  const ratio = kibibytes('Switchyard') / kibibytes('floor');
  const weight: Row = {
    what: 'Memory a viewer, KB',
    ours: round(kibibytes('Switchyard')),
    baselines: { DIY: round(kibibytes('DIY')), floor: round(kibibytes('floor')) },
    target: `≤ 1.3 × floor; is ${round(ratio)} ×`,
    isMet: ratio <= 1.3,
  };
  return [...delivery, weight];
}
