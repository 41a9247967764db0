import type { Chunk } from './message.ts';

/**
 * Where an event stands in its run's log. The epoch grows with every claim of the run; the ordinal counts the run's
 * chunks from 1, goes on over epochs (`1-58` → `2-59`) and is never used twice.
 */
export interface EventPosition {
  readonly epoch: number;
  readonly ordinal: number;
}

/** One chunk with its id: one entry of the log, one frame on the wire. */
export interface RunEvent extends EventPosition {
  readonly chunk: Chunk;
}

/** `<epoch>-<ordinal>`, both decimal from 1. */
export function formatEventId({ epoch, ordinal }: EventPosition): string {
  return `${epoch}-${ordinal}`;
}

/** The position that an event id names, or null when the text is not an event id. */
export function parseEventId(text: string): EventPosition | null {
  const match = /^([1-9]\d{0,14})-([1-9]\d{0,14})$/.exec(text);
  if (!match) return null;
  return { epoch: Number(match[1]), ordinal: Number(match[2]) };
}
