import { parentPort } from 'node:worker_threads';
import { findFamily, readProcesses, readTicks } from './measure-memory.ts';
import { measureWorkspace } from './measure-workspace.ts';
import { watchMemory } from './watch-memory.ts';
import type { WatchedSandbox } from './watched-sandbox.ts';

/** What is measured in a thread of its own: a sandbox can make it take long. */
const lookAtMemory = watchMemory();
const measurements = {
  memory(sandboxes: readonly WatchedSandbox[]) {
    const processes = readProcesses();
    return lookAtMemory(
      sandboxes.map((sandbox) => ({ sandbox, family: findFamily(processes, sandbox.pid) })),
    );
  },
  workspace: measureWorkspace,
  ticks: (rootPids: readonly number[]) => rootPids.map(readTicks),
};
export type Measurements = typeof measurements;

export interface MeasuringRequest {
  readonly number: number;
  readonly name: keyof Measurements;
  readonly subject: unknown;
}

export interface MeasuringAnswer {
  readonly number: number;
  readonly value?: unknown;
  readonly error?: unknown;
}

parentPort?.on('message', ({ number, name, subject }: MeasuringRequest) => {
  const measure = measurements[name] as (subject: unknown) => unknown;
  answer(number, async () => measure(subject));
});

function answer(number: number, measure: () => Promise<unknown>): void {
  const send = (message: MeasuringAnswer): void => parentPort?.postMessage(message);
  measure().then(
    (value) => send({ number, value }),
    (error: unknown) => send({ number, error }),
  );
}
