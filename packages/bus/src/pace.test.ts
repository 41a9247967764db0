import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Chunk } from '@switchyard/protocol';
import { createDeltaPace, flushEveryMs, paceOf } from './pace.ts';

test.for<[string, Chunk]>([
  ['now', { type: 'tool-input-start', toolCallId: 'c', toolName: 'shell' }],
  ['now', { type: 'tool-input-available', toolCallId: 'c', toolName: 'shell', input: {} }],
  ['now', { type: 'tool-output-available', toolCallId: 'c', output: 'ok' }],
  ['now', { type: 'tool-output-error', toolCallId: 'c', errorText: 'no' }],
  ['now', { type: 'data-todo', id: 't', data: { todos: [] } }],
  ['now', { type: 'reset-step' }],
  ['now', { type: 'finish', finishReason: 'stop' }],
  ['now', { type: 'abort' }],
  ['now', { type: 'error', errorText: 'no' }],
  ['delta', { type: 'text-delta', id: 't', delta: 'a' }],
  ['delta', { type: 'reasoning-delta', id: 't', delta: 'a' }],
  ['delta', { type: 'tool-input-delta', toolCallId: 'c', inputTextDelta: 'a' }],
  ['frame', { type: 'start-step' }],
  ['frame', { type: 'finish-step' }],
  ['frame', { type: 'text-end', id: 't' }],
])('"%s" is how long %o may wait', ([pace, chunk]) => {
  expect(paceOf(chunk)).toBe(pace);
});

/** When each token goes that comes at these times, as a sender does that flushes whenever something is due. */
function sendAll(comings: readonly number[]): { readonly waits: number[]; readonly flushes: number[] } {
  const pace = createDeltaPace();
  const waits: number[] = [];
  const flushes: number[] = [];
  let waiting: { readonly since: number[]; readonly due: number } | null = null;
  function flush(): void {
    if (!waiting) return;
    const { since, due } = waiting;
    pace.sent(due);
    flushes.push(due);
    waits.push(...since.map((came) => due - came));
    waiting = null;
  }
  for (const now of comings) {
    if (waiting && waiting.due <= now) flush();
    if (waiting) waiting.since.push(now);
    else waiting = { since: [now], due: pace.dueAt(now) };
  }
  flush();
  return { waits, flushes };
}

describe('deltas', () => {
  test('at the rate of the flushes do not wait, though they come a little early or late', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { maxLength: 300 }), (jitters) => {
        const { waits } = sendAll(jitters.map((jitter, index) => 1000 + index * flushEveryMs + jitter));
        expect(Math.max(0, ...waits)).toBe(0);
      }),
    );
  });

  test('at any rate wait no longer than one turn, and are sent no more often than once a turn in the mean', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 60, noNaN: true }), { minLength: 1 }), (pauses) => {
        let now = 0;
        const { waits, flushes } = sendAll(pauses.map((pause) => (now += pause)));
        expect(Math.max(...waits)).toBeLessThanOrEqual(flushEveryMs + 1e-6);
        for (const [index, first] of flushes.entries()) {
          for (const [further, last] of flushes.slice(index + 1).entries()) {
            expect(last - first).toBeGreaterThanOrEqual(further * flushEveryMs - 1e-6);
          }
        }
      }),
    );
  });

  test('after silence go at once', () => {
    const { waits } = sendAll([0, 1000, 2000.5]);
    expect(waits).toEqual([0, 0, 0]);
  });
});
