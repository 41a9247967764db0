import { expect, test } from 'vitest';
import { createLifecycle } from './lifecycle.ts';
import { createLogger } from './logger.ts';

function makeLifecycle(drainMs = 1000) {
  const lines: string[] = [];
  const logger = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
  return { lifecycle: createLifecycle({ logger, drainMs }), lines };
}

test('the signal is aborted first, then what was added last stops first', async () => {
  const { lifecycle } = makeLifecycle();
  const order: string[] = [];
  lifecycle.signal.addEventListener('abort', () => order.push('signal'));
  lifecycle.onStop('database', () => void order.push('database'));
  lifecycle.onStop('server', async () => {
    await Promise.resolve();
    order.push('server');
  });
  await lifecycle.stop('test');
  expect(order).toEqual(['signal', 'server', 'database']);
});

test('a part that fails and a part that hangs do not keep the others from stopping', async () => {
  const { lifecycle, lines } = makeLifecycle(20);
  const stopped: string[] = [];
  lifecycle.onStop('first', () => void stopped.push('first'));
  lifecycle.onStop('hanging', () => new Promise(() => {}));
  lifecycle.onStop('failing', () => {
    throw new Error('broken');
  });
  await lifecycle.stop('test');
  expect(stopped).toEqual(['first']);
  expect(lines.filter((line) => line.includes('stop failed'))).toHaveLength(2);
});

test('two calls of stop are one stop', async () => {
  const { lifecycle } = makeLifecycle();
  let count = 0;
  lifecycle.onStop('part', () => void (count += 1));
  await Promise.all([lifecycle.stop('one'), lifecycle.stop('two')]);
  expect(count).toBe(1);
});
