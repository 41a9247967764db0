import { expect, test } from 'vitest';
import { createGate } from './gate.ts';

test('lets as many in as there is room, and the next when one has left, each once', () => {
  const enter = createGate(2);
  const leave = enter();
  enter();
  expect(enter).toThrow('unavailable');
  leave();
  leave();
  enter();
  expect(enter).toThrow('unavailable');
});
