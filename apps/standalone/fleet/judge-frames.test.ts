import { describe, expect, it } from 'vitest';
import type { Frame } from './frames.ts';
import { messageOf, orderOf } from './judge-frames.ts';

const start = (id: string | null): Frame => ({ id, data: '{"type":"start","messageId":"m"}' });
const word = (id: string | null): Frame => ({ id, data: '{"type":"text-delta","id":"t","delta":"word"}' });
const queued: Frame = { id: null, data: '{"type":"data-run","data":{},"transient":true}' };
const live = [queued, start('1-1'), word('1-2'), word('2-3'), word('2-4')];
const snapshot = [start(''), word(null), word('3-9')];
const clean = { lost: 0, repeated: 0, nameless: 0, replays: 0 };

describe('the order of a viewer’s frames', () => {
  it('is right when every event came once, over epochs, and when a snapshot stands for the beginning', () => {
    expect(orderOf(live)).toEqual(clean);
    expect(orderOf([...snapshot, word('3-10')])).toEqual(clean);
    // Nothing was stored: the snapshot is its `start`, under the id of the log's base.
    expect(orderOf([start('3-9'), word('3-10')])).toEqual(clean);
    expect(orderOf([start('3-9'), word('3-11')])).toEqual({ ...clean, lost: 1 });
  });

  it('names an event that is missing and one that came twice', () => {
    expect(orderOf(live.toSpliced(2, 1))).toEqual({ ...clean, lost: 1 });
    expect(orderOf(live.slice(2))).toEqual({ ...clean, lost: 1 });
    expect(orderOf(live.toSpliced(3, 0, word('1-2')))).toEqual({ ...clean, repeated: 1 });
    expect(orderOf([...snapshot, word('3-12')])).toEqual({ ...clean, lost: 2 });
  });

  it('names an event without an id', () => {
    expect(orderOf([...live, word(null)])).toEqual({ ...clean, nameless: 1 });
  });

  it('counts how often the message began anew, and goes by the last beginning', async () => {
    const frames = [...live, start(null), ...snapshot];
    expect(orderOf(frames)).toEqual({ ...clean, replays: 2 });
    expect(await messageOf([...live, start('1-1')])).toEqual({ id: 'm', role: 'assistant', parts: [] });
    expect(orderOf([...live, start('1-1'), word('1-2')])).toEqual({ ...clean, replays: 1 });
  });
});
