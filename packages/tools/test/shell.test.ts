import { randomUUID } from 'node:crypto';
import { RunStopped } from '@switchyard/agent';
import { ClaimTakenError } from '@switchyard/sandbox';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { shellTool } from '../src/shell.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
const never = new AbortController().signal;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

const inspect = (callId: string) =>
  bench.sandbox.inspectCall(callId, bench.sandbox.incarnation, { signal: never });

describe('shell', () => {
  test('gives exit code, both streams as they came, and how long it took', async () => {
    const result = await bench.call(shellTool, { command: 'echo one; echo two >&2; echo three; exit 3' });
    expect(result).toEqual({
      outcome: 'ok',
      output: { exitCode: 3, output: 'one\ntwo\nthree\n', durationMs: expect.any(Number), timedOut: false },
    });
  });

  test('takes scripts with heredocs, quotes and several lines', async () => {
    const command = `cat <<'END' | tr a-z A-Z\nit's "quoted" $HOME\nEND\nprintf '%s' "$0" >/dev/null`;
    expect(await bench.call(shellTool, { command })).toMatchObject({
      output: { exitCode: 0, output: `IT'S "QUOTED" $HOME\n` },
    });
  });

  test('shows output while it runs', async () => {
    const seen: string[] = [];
    const running = bench.call(
      shellTool,
      { command: 'echo started; until [ -e go ]; do sleep 0.05; done; echo ended' },
      { onOutput: (text) => seen.push(text) },
    );
    await vi.waitFor(() => expect(seen.join('')).toContain('started'), { timeout: 10_000 });
    await bench.write('go', '');
    expect(await running).toMatchObject({ output: { output: 'started\nended\n' } });
    expect(seen.join('')).toBe('started\nended\n');
  });

  test('is killed by a cancel, and goes on when its run is handed over', async () => {
    for (const [cause, file] of [
      ['cancelled', 'cancelled.txt'],
      ['hand-over', 'handed-over.txt'],
    ] as const) {
      const stop = new AbortController();
      const callId = randomUUID();
      const command = `echo up; until [ -e finish ]; do sleep 0.05; done; echo "done" > ${file}`;
      const onOutput = () => stop.abort(new RunStopped(cause));
      await expect(
        bench.call(shellTool, { command }, { callId, signal: stop.signal, onOutput }),
      ).rejects.toThrow(RunStopped);
    }
    await bench.write('finish', '');
    await vi.waitFor(async () => expect((await bench.read('handed-over.txt')).toString()).toBe('done\n'), {
      timeout: 10_000,
    });
    expect(await bench.sandbox.stat('cancelled.txt', { signal: never })).toBeNull();
  });

  test('runs once: the same call again is refused, and its record makes the same result', async () => {
    const callId = randomUUID();
    const command = 'echo once >> marker.txt; cat marker.txt; exit 4';
    const first = await bench.call(shellTool, { command }, { callId });
    await expect(bench.call(shellTool, { command }, { callId })).rejects.toThrow(ClaimTakenError);
    const record = await inspect(callId);
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(first).toMatchObject({ output: { exitCode: 4, output: 'once\n', timedOut: false } });
    expect(shellTool.recover?.(record, { command })).toMatchObject({
      outcome: 'ok',
      output: { exitCode: 4, output: 'once\n', timedOut: false },
    });
  });

  test('a recorded output is cut like a live one', async () => {
    const callId = randomUUID();
    const command = 'seq 1 30000';
    const live = await bench.call(shellTool, { command }, { callId });
    const record = await inspect(callId);
    if (record.state !== 'recorded' || live.outcome !== 'ok') throw new Error(record.state);
    const recovered = shellTool.recover?.(record, { command });
    expect(recovered).toMatchObject({ output: { output: (live.output as { output: string }).output } });
  });
});
