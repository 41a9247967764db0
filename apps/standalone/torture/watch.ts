import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createEventStreamParser } from '@switchyard/client';
import { formatEventId } from '@switchyard/protocol';
import { type Frame, isStart } from '../fleet/frames.ts';
import { now } from './clock.ts';
import type { Random } from './random.ts';

/** A frame, and when it came. */
export interface SeenFrame extends Frame {
  readonly at: number;
}

/** All that one viewer of a run saw, over all its connections. */
export interface Sighting {
  readonly who: string;
  readonly frames: readonly SeenFrame[];
  /** It came to the end: to `[DONE]`, or to a 204 for the cursor of the last event. */
  isDone: boolean;
  /** When the message began anew though the viewer had named the event that it had. */
  readonly replaysAt: readonly number[];
  /** What no gateway should answer to a viewer. */
  readonly faults: readonly string[];
}

/** Counts over all viewers. */
export interface ViewerCounts {
  events: number;
  /** Streams that were cut before their end: by their viewer, or by what was done to the fleet. */
  cutByViewers: number;
  cutByFleet: number;
}

interface Watching {
  readonly runId: string;
  readonly apiKey: string;
  /** Gateways, and what stands before them; asked before each connection. */
  readonly urls: () => readonly string[];
  readonly random: Random;
  readonly counts: ViewerCounts;
  readonly onFrame: (frame: Frame) => void;
  readonly signal: AbortSignal;
}

/**
 * Follows a run as a browser's EventSource would on a bad line: each connection goes to any gateway, and is cut after some
 * events, bytes or time. Ends at the run's end or when the signal is aborted; never rejects.
 */
export function watchBadly(watching: Watching): {
  readonly sighting: Sighting;
  readonly ended: Promise<void>;
} {
  const { random, counts, signal, onFrame } = watching;
  const frames: SeenFrame[] = [];
  const replaysAt: number[] = [];
  const faults: string[] = [];
  const sighting: Sighting = { who: 'a cut viewer', frames, isDone: false, replaysAt, faults };
  /** The last id that came; an empty one takes it back. */
  let cursor: string | null = null;
  /** Connections in a row that brought nothing: on a slow machine they need more time. */
  let fruitless = 0;

  function take(frame: Frame): void {
    if (frame.id !== null) {
      cursor = frame.id === '' ? null : frame.id;
      if (cursor !== null) counts.events += 1;
    }
    frames.push({ ...frame, at: now() });
    fruitless = 0;
    onFrame(frame);
  }

  /** One connection; true at the end of the run. */
  async function connect(): Promise<boolean> {
    const cut = new AbortController();
    const timer = setTimeout(() => cut.abort(), random.between(50, 2500) * (1 + Math.min(fruitless, 8)));
    const most = random.chance(0.5)
      ? { events: random.between(1, 30), bytes: Infinity }
      : { events: Infinity, bytes: random.between(1, 4000) };
    const named = cursor;
    fruitless += 1;
    let mayStart = named === null;
    let isOpen = false;
    try {
      const response = await fetch(`${random.pick(watching.urls())}/v1/runs/${watching.runId}/stream`, {
        headers: {
          authorization: `Bearer ${watching.apiKey}`,
          ...(named === null ? {} : { 'last-event-id': named }),
        },
        signal: AbortSignal.any([cut.signal, signal]),
      });
      if (response.status === 204 && named !== null) return true;
      if (response.status !== 200 || !response.body) {
        if (response.status <= 500) faults.push(`the stream answered ${response.status}`);
        await response.body?.cancel();
        return false;
      }
      isOpen = true;
      const decoder = new TextDecoder();
      const parser = createEventStreamParser();
      let { events, bytes } = most;
      for await (const received of response.body) {
        const kept = received.subarray(0, Math.min(bytes, received.length));
        bytes -= kept.length;
        for (const frame of parser.push(decoder.decode(kept, { stream: true }))) {
          if (frame.data === '[DONE]') {
            isOpen = false;
            return true;
          }
          if (isStart(frame)) {
            if (!mayStart) replaysAt.push(now());
            mayStart = false;
          }
          take(frame);
          events -= 1;
          if (events === 0) return false;
        }
        if (bytes === 0) return false;
      }
      faults.push('the stream ended in order, and without [DONE]');
    } catch {
      if (isOpen && !cut.signal.aborted && !signal.aborted) {
        counts.cutByFleet += 1;
        isOpen = false;
      }
    } finally {
      clearTimeout(timer);
      if (isOpen) counts.cutByViewers += 1;
      cut.abort();
    }
    return false;
  }

  async function follow(): Promise<void> {
    while (!signal.aborted && !sighting.isDone) {
      sighting.isDone = await connect();
      if (!sighting.isDone) await delay(random.between(0, 60), undefined, { signal }).catch(() => undefined);
    }
  }
  return { sighting, ended: follow() };
}

/** Follows a run by the published client, which connects again by itself. Never rejects. */
export function watchWell(
  client: Client,
  { runId, onFrame, counts, signal }: Pick<Watching, 'runId' | 'onFrame' | 'counts' | 'signal'>,
): { readonly sighting: Sighting; readonly ended: Promise<void> } {
  const frames: SeenFrame[] = [];
  const replaysAt: number[] = [];
  const faults: string[] = [];
  const sighting: Sighting = { who: 'the client', frames, isDone: false, replaysAt, faults };

  async function follow(): Promise<void> {
    try {
      for await (const event of client.followRun(runId, { signal })) {
        const id = event.ordinal === null ? null : formatEventId(event);
        const frame = { id, data: JSON.stringify(event.chunk), at: now() };
        if (isStart(frame) && frames.some(isStart)) replaysAt.push(frame.at);
        if (id !== null) counts.events += 1;
        frames.push(frame);
        onFrame(frame);
      }
      sighting.isDone = true;
    } catch (error) {
      if (!signal.aborted) faults.push(`the client threw: ${String(error)}`);
    }
  }
  return { sighting, ended: follow() };
}
