import { expect, test } from 'vitest';
import { createGate } from './gate.ts';

test('lets as many in as there are places, and the next when one has left, each once', () => {
  const gate = createGate({ places: 2, share: 2 });
  const first = gate('a');
  first.take();
  first.take();
  gate('b').take();
  expect(() => gate('c').take()).toThrow('unavailable');
  first.leave();
  first.leave();
  gate('c').take();
  expect(() => gate('d').take()).toThrow('unavailable');
});

test('gives one account no more than its share', () => {
  const gate = createGate({ places: 4, share: 2 });
  const first = gate('a');
  first.take();
  gate('a').take();
  const third = gate('a');
  expect(() => third.take()).toThrow('unavailable');
  third.leave();
  expect(() => gate('a').take()).toThrow('unavailable');
  gate('b').take();
  first.leave();
  third.take();
});

test('counts nobody who never took his place', () => {
  const gate = createGate({ places: 1, share: 1 });
  const waiting = gate('a');
  gate('b').take();
  waiting.leave();
  expect(() => gate('a').take()).toThrow('unavailable');
});
