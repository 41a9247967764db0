import type { LargeFileFigures } from './measure-large-file.ts';
import type { SandboxTimes } from './measure-sandboxes.ts';
import { percentile, round, spread } from './percentile.ts';
import type { Row } from './table.ts';

const megabytes = (bytes: number) => round(bytes / 1024 / 1024);

/** What sandboxes, calls of tools in them and large files take. */
export function sandboxRows(
  { created, restarted, tools, many }: SandboxTimes,
  { bytes, uploadMs, downloadMs, growth }: LargeFileFigures,
): Row[] {
  const ready = Object.entries({ 'A new sandbox': created, 'A stopped sandbox': restarted });
  const speed = (ms: number) => round(bytes / 1024 / 1024 / (ms / 1000));
  return [
    ...ready.map(([which, times]): Row => ({
      what: `${which} → its first command done, p50 / p99`,
      ours: spread(times),
      baselines: {},
      target: 'p50 < 300 ms',
      isMet: percentile(times, 50) < 300,
    })),
    ...Object.entries(tools).map(([name, times]): Row => ({
      what: `A call of ${name} in the sandbox, p50 / p99`,
      ours: spread(times),
      baselines: {},
      target: 'p50 < 15 ms',
      isMet: percentile(times, 50) < 15,
    })),
    {
      what: `${many.count} sandboxes at once → all ready`,
      ours: `${round(many.allReadyMs)} (${many.failures} failed)`,
      baselines: {},
      target: 'none fails',
      isMet: many.failures === 0,
    },
    {
      what: 'Memory of an idle sandbox, MB',
      ours: many.idleBytes === null ? 'not known' : megabytes(many.idleBytes),
      baselines: {},
      target: '',
      isMet: many.idleBytes !== null,
    },
    {
      what: `A file of ${megabytes(bytes)} MB: up / down, MB/s; growth of gateway / host, MB`,
      ours: `${speed(uploadMs)} / ${speed(downloadMs)}; ${megabytes(growth.gateway)} / ${megabytes(growth.host)}`,
      baselines: {},
      target: 'growth < 100 MB each',
      isMet: growth.gateway < 100 * 1024 ** 2 && growth.host < 100 * 1024 ** 2,
    },
  ];
}
