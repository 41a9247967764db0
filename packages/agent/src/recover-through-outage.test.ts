import { AppError } from '@switchyard/protocol';
import { createSandboxes } from '@switchyard/sandbox';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { recoverThroughOutage } from './recover-through-outage.ts';
import { defineTool } from './tool.ts';

const tool = defineTool({
  name: 'act',
  description: 'For tests.',
  inputSchema: z.object({}),
  effect: 'once',
  needs: 'sandbox',
  timeoutMs: () => 1000,
  execute: () => Promise.reject(new Error('never called')),
});

/** Nobody listens on port 9. */
function ask(signal: AbortSignal, patienceMs: number, onOpen: () => void = () => undefined) {
  const sandboxes = createSandboxes({ apiUrl: 'http://127.0.0.1:9', apiKey: 'key' });
  return recoverThroughOutage({
    call: { callId: 'call', ledger: 'executing', incarnation: 'sandbox.token' },
    tool,
    input: {},
    openSandbox() {
      onOpen();
      return sandboxes.open({ projectId: 'project', sandboxId: 'sandbox', signal });
    },
    forgetSandbox: () => undefined,
    threadId: 'thread',
    emitOutput: () => undefined,
    signal,
    patienceMs,
  });
}

it('nobody can tell of a call whose sandbox stays away', async () => {
  const looks: number[] = [];
  const recovery = ask(new AbortController().signal, 6000, () => looks.push(1));
  expect(await recovery).toEqual({ action: 'unknown' });
  expect(looks.length).toBeGreaterThan(1);
}, 60_000);

it('the wait for a sandbox that is away ends with the run', async () => {
  const stop = new AbortController();
  const reason = new AppError('internal', 'stopped');
  await expect(ask(stop.signal, 600_000, () => stop.abort(reason))).rejects.toBe(reason);
});
