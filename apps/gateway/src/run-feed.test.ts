import type { LoggedEvent } from '@switchyard/bus';
import type { Chunk } from '@switchyard/protocol';
import { describe, expect, test } from 'vitest';
import { limits } from './limits.ts';
import { type FeedListener, type FrameBatch, RunFeed } from './run-feed.ts';

function eventsOf(epoch: number, first: number, last: number, text = 'x'): LoggedEvent[] {
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const chunk: Chunk = { type: 'text-delta', id: 't', delta: text };
    return { epoch, ordinal: first + index, chunk, json: JSON.stringify(chunk) };
  });
}

function listen(feed: RunFeed): FrameBatch[] {
  const batches: FrameBatch[] = [];
  const listener: FeedListener = {
    onBatch: (batch) => batches.push(batch),
    onReconnect: () => undefined,
    onEnded: () => undefined,
    onWaiting: () => undefined,
    onQueued: () => undefined,
    onDeleted: () => undefined,
  };
  feed.add(listener);
  return batches;
}

describe('the recent frames of a run', () => {
  test('serve a position that is among them, and no other', () => {
    const feed = new RunFeed('run');
    feed.receive(eventsOf(1, 1, 3));
    feed.receive(eventsOf(1, 4, 5));
    const ordinalsAfter = (position: { epoch: number; ordinal: number } | null) =>
      feed.framesAfter(position)?.map(({ ordinal }) => ordinal) ?? null;
    expect(ordinalsAfter(null)).toEqual([1, 2, 3, 4, 5]);
    expect(ordinalsAfter({ epoch: 1, ordinal: 3 })).toEqual([4, 5]);
    expect(ordinalsAfter({ epoch: 1, ordinal: 5 })).toEqual([]);
    expect(ordinalsAfter({ epoch: 2, ordinal: 3 })).toBeNull();
    expect(ordinalsAfter({ epoch: 1, ordinal: 6 })).toBeNull();
  });

  test('do not reach over a new epoch, which may write another log', () => {
    const feed = new RunFeed('run');
    feed.receive(eventsOf(1, 1, 3));
    feed.receive(eventsOf(2, 4, 5));
    expect(feed.framesAfter({ epoch: 1, ordinal: 3 })).toBeNull();
    expect(feed.framesAfter({ epoch: 2, ordinal: 4 })).toHaveLength(1);
    expect(feed.isAheadOf({ epoch: 1, ordinal: 3 })).toBe(true);
  });

  test('are bounded in number and bytes, and no longer serve what was dropped', () => {
    const feed = new RunFeed('run');
    feed.receive(eventsOf(1, 1, 2 * limits.stream.recentFrames));
    expect(feed.framesAfter(null)).toBeNull();
    expect(feed.framesAfter({ epoch: 1, ordinal: limits.stream.recentFrames })).toBeNull();
    expect(feed.framesAfter({ epoch: 1, ordinal: 2 * limits.stream.recentFrames })).toEqual([]);
    const heavy = new RunFeed('run');
    heavy.receive(eventsOf(1, 1, 10, 'y'.repeat(limits.stream.recentBytes)));
    expect(heavy.framesAfter({ epoch: 1, ordinal: 9 })).toBeNull();
    expect(heavy.framesAfter({ epoch: 1, ordinal: 10 })).toEqual([]);
  });

  test('begin anew after a gap, after a log that began again below, and after a reconnect', () => {
    const feed = new RunFeed('run');
    feed.receive(eventsOf(1, 1, 3));
    feed.receive(eventsOf(1, 7, 8));
    expect(feed.framesAfter({ epoch: 1, ordinal: 3 })).toBeNull();
    expect(feed.framesAfter({ epoch: 1, ordinal: 7 })).toHaveLength(1);
    feed.receive(eventsOf(2, 5, 6));
    expect(feed.framesAfter({ epoch: 1, ordinal: 8 })).toBeNull();
    expect(feed.isAheadOf({ epoch: 1, ordinal: 8 })).toBe(true);
    expect(feed.framesAfter({ epoch: 2, ordinal: 5 })).toHaveLength(1);
    feed.reconnect();
    expect(feed.framesAfter({ epoch: 2, ordinal: 6 })).toBeNull();
    expect(feed.isAheadOf(null)).toBe(false);
  });
});

test('listeners get what is new in one piece, encoded once, and nothing twice', () => {
  const feed = new RunFeed('run');
  const batches = listen(feed);
  feed.receive(eventsOf(1, 1, 2));
  feed.receive(eventsOf(1, 1, 4));
  feed.receive(eventsOf(1, 2, 4));
  expect(batches.map(({ previousOrdinal, last }) => [previousOrdinal, last.ordinal])).toEqual([
    [0, 2],
    [2, 4],
  ]);
  const data = '{"type":"text-delta","id":"t","delta":"x"}';
  expect(batches[1]?.frames.bytes.toString()).toBe(`id: 1-3\ndata: ${data}\n\nid: 1-4\ndata: ${data}\n\n`);
});
