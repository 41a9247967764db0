import type { Chunk } from '@switchyard/protocol';

/**
 * How long a chunk may wait to travel with others. `delta`: at once after silence, else with the next flush.
 * `frame`: shows nothing by itself, travels with what follows, 20 ms later at the latest. `now`: somebody waits for it.
 */
export type Pace = 'delta' | 'frame' | 'now';

/** The pace of a chunk, by its type. */
export function paceOf(chunk: Chunk): Pace {
  switch (chunk.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'tool-input-delta':
    case 'data-tool-output':
      return 'delta';
    case 'start-step':
    case 'finish-step':
    case 'message-metadata':
    case 'text-start':
    case 'text-end':
    case 'reasoning-start':
    case 'reasoning-end':
      return 'frame';
    default:
      return 'now';
  }
}
