import type { CancelTimes } from './measure-cancel.ts';
import type { RecoveryTimes } from './measure-recovery.ts';
import { percentile, round, spread } from './percentile.ts';
import type { Row } from './table.ts';

const nobody = 'never: the run is lost';

/** What crashes, hand-overs and stops take. */
export function recoveryRows(
  { kill, handOver }: RecoveryTimes,
  { speaking, silent, command }: CancelTimes,
): Row[] {
  const slowest = (times: readonly number[]) => Math.max(...times);
  return [
    {
      what: 'kill -9 of a worker → next event, p50 / max',
      ours: `${round(percentile(kill, 50))} / ${round(slowest(kill))}`,
      baselines: { DIY: nobody, floor: nobody },
      target: 'max < 8,000 ms',
      isMet: slowest(kill) < 8000,
    },
    {
      what: 'SIGTERM: step ended → event of the next worker, p50 / max',
      ours: `${round(percentile(handOver, 50))} / ${round(slowest(handOver))}`,
      baselines: { DIY: nobody, floor: nobody },
      target: 'max < 1,000 ms',
      isMet: slowest(handOver) < 1000,
    },
    ...Object.entries({ speaks: speaking, 'is silent': silent }).map(([how, { switchyard, diy }]): Row => ({
      what: `Cancel → request aborted, model ${how}, p50 / p99`,
      ours: spread(switchyard),
      baselines: { DIY: spread(diy) },
      target: 'p99 ≤ 25 ms',
      isMet: percentile(switchyard, 99) <= 25,
    })),
    {
      what: 'Cancel → running command dead, p50 / max',
      ours: `${round(percentile(command, 50))} / ${round(slowest(command))}`,
      baselines: {},
      target: 'max < 1,000 ms',
      isMet: slowest(command) < 1000,
    },
  ];
}
