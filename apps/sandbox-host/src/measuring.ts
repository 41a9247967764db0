import { Worker } from 'node:worker_threads';
import type { MeasuringAnswer, MeasuringRequest, Measurements } from './measuring-worker.ts';

type Subject<Name extends keyof Measurements> = Parameters<Measurements[Name]>[0];
type Result<Name extends keyof Measurements> = Awaited<ReturnType<Measurements[Name]>>;

/** Measures in a thread of its own, which is started when it is first needed. */
export interface Measuring {
  /** Rejects when the thread ends before it has answered; the next call starts another. */
  measure<Name extends keyof Measurements>(name: Name, subject: Subject<Name>): Promise<Result<Name>>;
  /** Ends at once; what is still asked for gets no answer any more. */
  close(): Promise<void>;
}

export function createMeasuring(): Measuring {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let worker: Worker | null = null;
  let lastNumber = 0;
  let isClosed = false;

  function startWorker(): Worker {
    const started = new Worker(new URL('./measuring-worker.ts', import.meta.url));
    started.on('message', ({ number, value, error }: MeasuringAnswer) => {
      const question = waiting.get(number);
      waiting.delete(number);
      if (error === undefined) question?.resolve(value);
      else question?.reject(error);
    });
    let cause: unknown;
    started.on('error', (error) => {
      cause = error;
    });
    started.on('exit', () => {
      if (isClosed) return;
      worker = null;
      for (const { reject } of waiting.values())
        reject(new Error('The measuring thread has ended.', { cause }));
      waiting.clear();
    });
    return started;
  }

  return {
    measure(name, subject) {
      worker ??= startWorker();
      const question = Promise.withResolvers<unknown>();
      const number = ++lastNumber;
      waiting.set(number, question);
      worker.postMessage({ number, name, subject } satisfies MeasuringRequest);
      return question.promise as Promise<Result<typeof name>>;
    },
    async close() {
      isClosed = true;
      await worker?.terminate();
    },
  };
}
