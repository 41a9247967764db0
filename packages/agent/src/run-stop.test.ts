import { expect, it } from 'vitest';
import { createRunStop, RunStopped } from './run-stop.ts';

it('the first cause of a stop counts, but a lost run is lost whatever came before', () => {
  const stop = createRunStop();
  expect(stop.cause()).toBeNull();
  stop.stop('cancelled');
  stop.stop('time-limit');
  expect(stop.cause()).toBe('cancelled');
  expect(stop.signal.reason).toBeInstanceOf(RunStopped);
  expect(stop.lost.aborted).toBe(false);
  stop.stop('lost');
  stop.stop('cancelled');
  expect(stop.cause()).toBe('lost');
  expect(stop.lost.aborted).toBe(true);
});
