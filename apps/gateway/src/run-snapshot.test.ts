import {
  endingChunks,
  formatEventId,
  type MessagePart,
  newId,
  noUsage,
  type Run,
} from '@switchyard/protocol';
import { describe, expect, test } from 'vitest';
import { lastPositionOf, missingEndFrames, type Replay, replayEnded, replayToBase } from './run-snapshot.ts';
import { limits } from './limits.ts';
import { frameOfChunk } from './sse.ts';

const run: Run = {
  id: newId(),
  threadId: newId(),
  projectId: newId(),
  messageId: newId(),
  status: 'completed',
  reason: 'finished',
  model: 'scripted:demo',
  limits: {},
  usage: noUsage,
  costUsd: 0,
  steps: 2,
  error: null,
  lastEventId: '3-40',
  cancel: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  startedAt: '2026-01-01T00:00:01.000Z',
  endedAt: '2026-01-01T00:00:02.000Z',
};
const part = (step: number, text: string): { step: number; part: MessagePart }[] => [
  { step, part: { type: 'step-start' } },
  { step, part: { type: 'text', text, state: 'done' } },
];
const parts = [...part(1, 'one'), ...part(2, 'two')];

const stepTypes = ['start-step', 'text-start', 'text-delta', 'text-end', 'finish-step'];

function framesOf({ pieces }: Replay): { id: string | null; type: string }[] {
  return pieces.flatMap((piece) =>
    String(piece)
      .split('\n\n')
      .slice(0, -1)
      .map((frame) => ({
        id: /^id: (.*)$/m.exec(frame)?.[1] ?? null,
        type: (JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? '') as { type: string }).type,
      })),
  );
}

describe('a run from the store', () => {
  test('is one whole message, and only its last frame can be a cursor', () => {
    const frames = framesOf(replayEnded({ run, parts }));
    expect(frames.map(({ type }) => type)).toEqual([
      'start',
      ...stepTypes,
      ...stepTypes,
      'message-metadata',
      'finish',
    ]);
    expect(frames.filter(({ id }) => id !== null)).toEqual([{ id: '3-40', type: 'finish' }]);
  });

  test('that no worker ever claimed is a start and its end', () => {
    const unclaimed: Run = { ...run, status: 'cancelled', reason: 'cancelled', lastEventId: null };
    const frames = framesOf(replayEnded({ run: unclaimed, parts: [] }));
    expect(frames.map(({ type }) => type)).toEqual(['start', 'message-metadata', 'abort']);
    expect(frames.at(-1)?.id).toBe(formatEventId(lastPositionOf(unclaimed)));
  });

  test('up to the base of a log leaves out what the log tells, and opens the step that it goes on in', () => {
    const base = { ordinal: 21, storedSteps: 1, inStep: true };
    const frames = framesOf(replayToBase({ run, parts }, base, 2));
    expect(frames.map(({ type }) => type)).toEqual(['start', ...stepTypes, 'start-step']);
    expect(frames.map(({ id }) => id).filter((id) => id !== null)).toEqual(['2-21']);
    expect(frames.at(-1)?.id).toBe('2-21');
  });
});

test('a long run comes in pieces of a size that a viewer can be given at a time, and no frame is cut', () => {
  const { pageBytes } = limits.stream;
  const long = Array.from({ length: 40 }, (_, index) => part(index + 1, 'ü'.repeat(pageBytes / 4))).flat();
  const { pieces, last } = replayEnded({ run, parts: long });
  expect(pieces.length).toBeGreaterThan(5);
  for (const piece of pieces) {
    expect(String(piece).endsWith('\n\n')).toBe(true);
    // Counted in characters, of which each of these is two bytes.
    expect(piece.length).toBeLessThan(2.5 * pageBytes);
  }
  expect(framesOf({ pieces, last })).toHaveLength(40 * stepTypes.length + 3);
});

test('the end that a log lacks is written under the ids and in the bytes that the worker would have used', () => {
  const [metadata, finish] = endingChunks(run);
  const both = frameOfChunk(metadata, '3-39') + frameOfChunk(finish, '3-40');
  expect(missingEndFrames(run, { epoch: 2, ordinal: 38 })).toBe(both);
  expect(missingEndFrames(run, { epoch: 3, ordinal: 39 })).toBe(frameOfChunk(finish, '3-40'));
  expect(missingEndFrames(run, { epoch: 3, ordinal: 40 })).toBe('');
  expect(missingEndFrames(run, { epoch: 3, ordinal: 37 })).toBeNull();
  expect(missingEndFrames(run, { epoch: 3, ordinal: 41 })).toBeNull();
});
