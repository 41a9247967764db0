import type { Run } from '@switchyard/protocol';
import { expect } from 'vitest';
import type { Fleet } from '../fleet/fleet.ts';
import { foldFrames, type Frame, ordinalsOf } from '../fleet/frames.ts';

/**
 * Every event came once and in order, up to the last that the run has; their fold is the stored message; and the run ended
 * as expected (default: it answered).
 */
export async function expectWhole(
  fleet: Fleet,
  run: Run,
  frames: readonly Frame[],
  end: Partial<Run> = { status: 'completed', reason: 'answered' },
): Promise<void> {
  expect(ordinalsOf(frames)).toEqual(ordinalsOf(frames).map((_, position) => position + 1));
  const { messages } = await fleet.client.messages(run.threadId);
  expect(await foldFrames(frames)).toEqual(messages.at(-1));
  const { run: ended } = await fleet.client.getRun(run.id);
  expect(ended).toMatchObject(end);
  expect(frames.findLast(({ id }) => id !== null)?.id).toBe(ended.lastEventId);
}
