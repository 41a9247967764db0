import type { LogBase } from '@switchyard/bus';
import {
  type Chunk,
  chunksOfParts,
  endingChunks,
  type EventPosition,
  formatEventId,
  type MessagePart,
  metadataOfRun,
  parseEventId,
  type Run,
} from '@switchyard/protocol';
import { limits } from './limits.ts';
import { frameOfChunk } from './sse.ts';

/** What the store has of a run, as `snapshot` of the store gives it. */
export interface StoredRun {
  readonly run: Run;
  readonly parts: readonly { readonly step: number; readonly part: MessagePart }[];
}

/** A run from the store as it is written to any number of viewers: in pieces, of which none cuts a frame. */
export interface Replay {
  readonly pieces: readonly Buffer[];
  /** The event at which they end. */
  readonly last: EventPosition;
}

/**
 * The id of an ended run's last event. A run that ended before any claim has no log and no id of its own: its stream
 * is `start` and the two ending chunks.
 */
export function lastPositionOf(run: Run): EventPosition {
  return (run.lastEventId === null ? null : parseEventId(run.lastEventId)) ?? { epoch: 1, ordinal: 3 };
}

/**
 * An ended run from its beginning to its end as it is stored. Only the last frame has an id: what stands before it
 * cannot be resumed in the middle, so a viewer cut off there begins again.
 */
export function replayEnded({ run, parts }: StoredRun): Replay {
  const chunks: Chunk[] = [
    { type: 'start', messageId: run.messageId },
    ...chunksOfParts(
      parts.map(({ part }) => part),
      { closeLastStep: true },
    ),
    ...endingChunks(run),
  ];
  return replayOf(chunks, lastPositionOf(run));
}

/** An open run as far as it is stored, without ids: nothing of it can be resumed. */
export function piecesOfOpenRun({ run, parts }: StoredRun): readonly Buffer[] {
  const chunks: Chunk[] = [
    { type: 'start', messageId: run.messageId },
    ...chunksOfParts(
      parts.map(({ part }) => part),
      { closeLastStep: false },
    ),
  ];
  return piecesOf(chunks, null);
}

/** What a waiting run asks, one frame for each call that waits; without ids, as no log has them. */
export function requestFrames({ parts }: StoredRun): string[] {
  return parts
    .filter(({ part }) => 'state' in part && part.state === 'approval-requested')
    .flatMap(({ part }) => chunksOfParts([part], { closeLastStep: false }))
    .filter(({ type }) => type === 'tool-approval-request')
    .map((chunk) => frameOfChunk(chunk));
}

/** What stands in place of the entries before a log's base. The last frame has the base's id; then the log goes on. */
export function replayToBase({ run, parts }: StoredRun, base: LogBase, epoch: number): Replay {
  const stored = parts.filter(({ step }) => step <= base.storedSteps).map(({ part }) => part);
  const chunks: Chunk[] = [
    { type: 'start', messageId: run.messageId, messageMetadata: metadataOfRun(run) },
    ...chunksOfParts(stored, { closeLastStep: true }),
  ];
  if (base.inStep) chunks.push({ type: 'start-step' });
  return replayOf(chunks, { epoch, ordinal: base.ordinal });
}

/** The end of an ended run for a viewer who has everything but its last one or two chunks; the same bytes as the log's. */
export function missingEndFrames(run: Run, after: EventPosition): string | null {
  const last = lastPositionOf(run);
  const missing = last.ordinal - after.ordinal;
  if (missing < 0 || missing > 2) return null;
  return endingChunks(run)
    .map((chunk, index) =>
      frameOfChunk(chunk, formatEventId({ epoch: last.epoch, ordinal: last.ordinal - 1 + index })),
    )
    .slice(2 - missing)
    .join('');
}

function replayOf(chunks: readonly Chunk[], last: EventPosition): Replay {
  return { pieces: piecesOf(chunks, formatEventId(last)), last };
}

/** A comment may come between two pieces, so none of them ends within a frame. */
function piecesOf(chunks: readonly Chunk[], lastId: string | null): Buffer[] {
  const pieces: Buffer[] = [];
  let waiting: string[] = [];
  let length = 0;
  for (const [index, chunk] of chunks.entries()) {
    const isLast = index === chunks.length - 1;
    const frame = frameOfChunk(chunk, isLast ? lastId : null);
    waiting.push(frame);
    length += frame.length;
    if (!isLast && length < limits.stream.pageBytes) continue;
    pieces.push(Buffer.from(waiting.join('')));
    waiting = [];
    length = 0;
  }
  return pieces;
}
