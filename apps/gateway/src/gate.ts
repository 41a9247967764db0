import { AppError } from '@switchyard/protocol';

/** Lets one more in and gives what lets him out again; throws AppError `unavailable` when the place is full. */
export type Gate = () => () => void;

/** A place for at most `capacity` at a time. Nobody waits in a line: what waits would need memory too. */
export function createGate(capacity: number): Gate {
  let inside = 0;
  return () => {
    if (inside >= capacity) {
      throw new AppError('unavailable', 'Too many uploads at the same time. Try again in a moment.');
    }
    inside += 1;
    let isOut = false;
    return () => {
      if (isOut) return;
      isOut = true;
      inside -= 1;
    };
  };
}
