import { afterAll, beforeAll, expect, test } from 'vitest';
import { exposePortTool } from '../src/expose-port.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench();
}, 60_000);
afterAll(() => bench.close());

async function serve(port: number, address: string, afterMs = 0): Promise<void> {
  const script = `setTimeout(() => require('http').createServer((_, s) => s.end('x')).listen(${port}, '${address}'), ${afterMs})`;
  const { signal } = new AbortController();
  await bench.sandbox.run({
    command: `setsid node -e "${script}" >/dev/null 2>&1 &`,
    timeoutMs: 10_000,
    signal,
  });
}

test.each([
  [3000, '127.0.0.1'],
  [3001, '::1'],
  [8080, '0.0.0.0'],
])(
  'port %i at %s is shown, also when its server is just starting',
  async (port, address) => {
    await serve(port, address, 500);
    expect(await bench.call(exposePortTool, { port, title: 'My app' }, { callId: `call-${port}` })).toEqual({
      outcome: 'ok',
      output: `Port ${port} is shown to the user as "My app".`,
      data: [{ type: 'data-preview', id: `call-${port}`, data: { port, title: 'My app' } }],
    });
  },
  30_000,
);

test('a port that nobody listens on is an error that says what to do', async () => {
  const result = await bench.call(exposePortTool, { port: 4444 });
  expect(result).toMatchObject({
    outcome: 'error',
    message: expect.stringContaining('Nothing listens on port 4444'),
  });
}, 60_000);
