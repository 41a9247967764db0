import type { LoggedEvent } from '@switchyard/bus';
import type { EventPosition, RunStatus } from '@switchyard/protocol';
import { type SharedFrames, shareFrames } from './event-stream.ts';
import { limits } from './limits.ts';
import { frameOfEvent, isTerminal, isWait } from './sse.ts';

/** Events that arrived together, encoded once for all viewers. */
export interface FrameBatch {
  /** The ordinal before the first one's. */
  readonly previousOrdinal: number;
  readonly first: EventPosition;
  readonly last: EventPosition;
  readonly frames: SharedFrames;
  /** The last event ends the run. */
  readonly isTerminal: boolean;
  /** The last event tells that the run waits for a person. */
  readonly isWait: boolean;
}

/** One viewer while he is served from the live events. None of these may throw. */
export interface FeedListener {
  onBatch(batch: FrameBatch): void;
  /** Something may have been missed: read the log again. */
  onReconnect(): void;
  /** The store says that the run has ended. */
  onEnded(): void;
  /** The store says that the run waits for a person. */
  onWaiting(): void;
  /** The run waits for a worker at this place (from 1), or at one that is not known. */
  onQueued(status: RunStatus, position: number | null): void;
  /** The store has no such run any more. */
  onDeleted(): void;
}

/** What the store said of the run last. */
export interface FeedState {
  readonly status: RunStatus;
  readonly queuePosition: number | null;
  readonly isEnded: boolean;
  /** The event under which the run waits for a person now; null when it does not. */
  readonly waitEventId: string | null;
}

interface Frame extends EventPosition {
  readonly bytes: Buffer;
  readonly isTerminal: boolean;
  readonly isWait: boolean;
}

/**
 * The live events of one run in this process: those who listen, and the recent frames, so that a viewer who comes
 * back or catches up needs no read of the log for them.
 */
export class RunFeed {
  readonly runId: string;
  #listeners = new Set<FeedListener>();
  #recent: Frame[] = [];
  #recentBytes = 0;
  #making = new Map<string, Promise<unknown>>();
  #state: FeedState | null = null;
  #isDeleted = false;
  #reconnects = 0;

  constructor(runId: string) {
    this.runId = runId;
  }

  get state(): FeedState | null {
    return this.#state;
  }

  get isDeleted(): boolean {
    return this.#isDeleted;
  }

  /** How often the connection for live events was lost and came back. */
  get reconnects(): number {
    return this.#reconnects;
  }

  add(listener: FeedListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: FeedListener): void {
    this.#listeners.delete(listener);
  }

  /** Takes events as they were published. */
  receive(events: readonly LoggedEvent[]): void {
    const top = this.#recent.at(-1);
    const fresh = top
      ? events.filter((event) => event.ordinal > top.ordinal || event.epoch > top.epoch)
      : events;
    const [first] = fresh;
    const last = fresh.at(-1);
    if (!first || !last) return;
    const frames = fresh.map((event): Frame => ({
      epoch: event.epoch,
      ordinal: event.ordinal,
      bytes: Buffer.from(frameOfEvent(event)),
      isTerminal: isTerminal(event.chunk),
      isWait: isWait(event.chunk),
    }));
    // Another epoch may write another log: what it holds before these events only the log knows.
    if (top && (first.ordinal !== top.ordinal + 1 || first.epoch !== top.epoch)) this.forget();
    this.#remember(frames);
    const batch: FrameBatch = {
      previousOrdinal: first.ordinal - 1,
      first: { epoch: first.epoch, ordinal: first.ordinal },
      last: { epoch: last.epoch, ordinal: last.ordinal },
      frames: shareFrames(frames.map((frame) => frame.bytes)),
      isTerminal: isTerminal(last.chunk),
      isWait: isWait(last.chunk),
    };
    for (const listener of this.#listeners) listener.onBatch(batch);
  }

  /** The connection for live events was lost and is back. */
  reconnect(): void {
    this.#reconnects += 1;
    this.forget();
    for (const listener of this.#listeners) listener.onReconnect();
  }

  /** Takes what the store says of the run; tells listeners what is new in it. */
  update(state: FeedState): void {
    const before = this.#state;
    this.#state = state;
    if (state.isEnded) {
      for (const listener of this.#listeners) listener.onEnded();
    } else if (state.waitEventId !== null) {
      for (const listener of this.#listeners) listener.onWaiting();
    } else if (
      (state.status === 'queued' || state.status === 'pending') &&
      (before?.status !== state.status || before.queuePosition !== state.queuePosition)
    ) {
      for (const listener of this.#listeners) listener.onQueued(state.status, state.queuePosition);
    }
  }

  /** The run was deleted: nothing of it is to be shown any more. */
  delete(): void {
    this.#isDeleted = true;
    this.forget();
    for (const listener of this.#listeners) listener.onDeleted();
  }

  /** The recent frames after a position, or null when they do not reach back to it: then the log must be read. */
  framesAfter(position: EventPosition | null): readonly Frame[] | null {
    const [oldest] = this.#recent;
    if (!oldest) return null;
    if (!position) return oldest.ordinal === 1 ? this.#recent : null;
    const index = position.ordinal - oldest.ordinal;
    const own = this.#recent[index];
    if (!own || own.epoch !== position.epoch || own.ordinal !== position.ordinal) return null;
    return this.#recent.slice(index + 1);
  }

  /** True when the last live event is not one that a viewer at this position has. */
  isAheadOf(position: EventPosition | null): boolean {
    const top = this.#recent.at(-1);
    if (!top) return false;
    if (!position) return true;
    return top.ordinal > position.ordinal || top.epoch > position.epoch;
  }

  /**
   * What `make` gives, made once for all viewers who want the same while it is under way: hundreds come back in one
   * moment when a log was lost or trimmed. Nothing is kept afterwards.
   */
  once<Value>(what: string, make: () => Promise<Value>): Promise<Value> {
    // One name is always for one kind of thing.
    let made = this.#making.get(what) as Promise<Value> | undefined;
    if (!made) {
      made = make().finally(() => this.#making.delete(what));
      this.#making.set(what, made);
    }
    return made;
  }

  /** Drops the recent frames: they may not be what the log holds. */
  forget(): void {
    this.#recent = [];
    this.#recentBytes = 0;
  }

  #remember(frames: readonly Frame[]): void {
    const { recentBytes, recentFrames } = limits.stream;
    for (const frame of frames) {
      this.#recent.push(frame);
      this.#recentBytes += frame.bytes.length;
    }
    let dropped = 0;
    // The newest frame always stays: it says where the run stands.
    while (
      this.#recent.length - dropped > 1 &&
      (this.#recentBytes > recentBytes || this.#recent.length - dropped > recentFrames)
    ) {
      this.#recentBytes -= this.#recent[dropped]?.bytes.length ?? 0;
      dropped += 1;
    }
    // Cut in pieces, since each cut moves all that stay.
    if (dropped > 0) this.#recent.splice(0, dropped);
  }
}
