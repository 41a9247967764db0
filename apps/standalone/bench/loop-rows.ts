import type { LoopFigures } from './measure-loop.ts';
import { percentile, round } from './percentile.ts';
import type { Row } from './table.ts';

const megabytes = (bytes: number) => round(bytes / 1024 / 1024);

/** What the loop itself costs, and whether it stays so. */
export function loopRows({ step, long, many }: LoopFigures): Row[] {
  const median = (values: readonly number[]) => percentile(values, 50);
  return [
    ...(['cpu', 'wall'] as const).map((kind): Row => {
      const [ours, sdk] = [median(step.ours[kind]), median(step.sdk[kind])];
      return {
        what: `A step without model and tools, ${kind === 'cpu' ? 'CPU' : 'wall'}, p50`,
        ours: round(ours),
        baselines: { SDK: round(sdk) },
        target: `none; is ${round(ours / sdk)} × SDK`,
        isMet: true,
      };
    }),
    {
      what: `${long.steps} steps on a 32k window, s; second half ÷ first, CPU / wall`,
      ours: `${round(long.ms / 1000)}; ${round(long.cpuRatio)} / ${round(long.wallRatio)}`,
      baselines: {},
      target: 'CPU ≤ 1.2: linear',
      isMet: long.cpuRatio <= 1.2,
    },
    {
      what: `Growth of the worker by it, at most / left, MB`,
      ours: `${megabytes(long.growth.most)} / ${megabytes(long.growth.left)}`,
      baselines: {},
      target: '',
      isMet: true,
    },
    {
      what: `${many.count} runs of ${many.stepsEach} steps at once on one worker, all ended`,
      ours: `${round(many.ms)} (${many.failures} failed); one alone ${round(many.aloneMs)}`,
      baselines: {},
      target: 'none fails',
      isMet: many.failures === 0,
    },
  ];
}
