import { readRunLog } from '@switchyard/bus';
import type { Chunk, Run } from '@switchyard/protocol';
import { reclaimRun } from '@switchyard/store';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSeen, type Seen } from './seen.ts';
import { startStack, type Stack } from './stack.ts';
import { connect } from './viewer.ts';
import { startWork, type Work } from './worker.ts';

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await startStack();
  ({ token } = stack.signIn());
});
afterAll(() => stack.stop());

const halfStep: Chunk[] = [
  { type: 'start-step' },
  { type: 'text-start', id: 'half' },
  { type: 'text-delta', id: 'half', delta: 'Never to be stored.' },
];

/** Redis loses the log, and its worker begins it anew behind all that it ever gave out, as a real one does. */
async function loseLog(
  run: Run,
  work: Work,
  { storedSteps, maxBytes }: { readonly storedSteps: number; readonly maxBytes: number },
): Promise<Work> {
  await stack.redis.del(`run:{${run.id}}:log`, `run:{${run.id}}:meta`);
  const { epoch } = await reclaimRun(stack.sql, { runId: run.id, epoch: work.epoch });
  const base = { ordinal: work.lastOrdinal, storedSteps, inStep: false };
  return await startWork(stack, run, { epoch, base, maxBytes });
}

const step = fc.record({
  lengths: fc.array(fc.nat({ max: 4000 }), { maxLength: 8 }),
  /** What happens before it: another worker takes over; or the log is lost, at the end of a step or within this one. */
  before: fc.constantFrom('nothing', 'nothing', 'takeover', 'loss', 'loss within'),
});
const view = fc.record({
  /** How many steps are written when he comes (back). */
  afterStep: fc.nat({ max: 8 }),
  /** After how many frames he is cut. */
  frames: fc.nat({ max: 40 }),
});

test('whatever the cap, the sizes, the cuts, the workers and the losses: each viewer has every ordinal after his base, and ends with what is stored', async () => {
  let trimmed = 0;
  let rejoined = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 100, max: 60_000 }),
      fc.array(step, { minLength: 1, maxLength: 8 }),
      fc.array(fc.array(view, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
      async (maxBytes, steps, viewers) => {
        const { run } = await stack.client(token).startRun({ input: 'Say much.' });
        const written = steps.map(() => Promise.withResolvers<void>());

        async function watch(views: (typeof viewers)[number]): Promise<Seen> {
          const seen = createSeen();
          const rest = { afterStep: 0, frames: Infinity };
          for (const { afterStep, frames } of [
            ...views.toSorted((a, b) => a.afterStep - b.afterStep),
            rest,
          ]) {
            await written[afterStep - 1]?.promise;
            // A connection that is cut for him (he fell below the base) is one more to come back from.
            for (let isCut = true; isCut;) {
              isCut = false;
              const connection = await connect(`${stack.url}/v1/runs/${run.id}/stream`, {
                token,
                lastEventId: seen.cursor,
              });
              if (connection.status === 204) return seen;
              try {
                for (let count = 0; count < frames; count += 1) {
                  const frame = await connection.next();
                  if (frame?.data === '[DONE]') return seen;
                  seen.take(frame!);
                }
              } catch (error) {
                if (!(error as Error).message.includes('was cut')) throw error;
                isCut = true;
              } finally {
                connection.close();
              }
            }
          }
          return seen;
        }

        const watching = viewers.map((views) => watch(views));
        let work = await startWork(stack, run, { maxBytes });
        for (const [index, { lengths, before }] of steps.entries()) {
          if (before === 'takeover') work = await startWork(stack, run, { maxBytes });
          if (before === 'loss within') await work.append(halfStep);
          if (before.startsWith('loss')) work = await loseLog(run, work, { storedSteps: index, maxBytes });
          await work.step(lengths.map((length) => 'ä'.repeat(length)).join(' '));
          written[index]?.resolve();
        }
        const { meta } = await readRunLog(stack.redis, run.id, { afterOrdinal: 0, count: 1 });
        if (meta?.isTrimmed) trimmed += 1;
        await work.finish('finished');
        const stored = (await stack.client(token).messages(run.threadId)).messages.at(-1);
        for (const seen of await Promise.all(watching)) {
          expect(seen.cursor).toBe(`${work.epoch}-${work.lastOrdinal}`);
          expect(await seen.fold()).toEqual(stored);
          if (seen.begun > 1) rejoined += 1;
        }
      },
    ),
    { numRuns: 40 },
  );
  // Else the property would say nothing of trimmed logs.
  expect(trimmed).toBeGreaterThan(5);
  expect(rejoined).toBeGreaterThan(0);
});
