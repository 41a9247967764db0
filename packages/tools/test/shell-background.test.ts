import { randomUUID } from 'node:crypto';
import type { Tool } from '@switchyard/agent';
import { ClaimTakenError } from '@switchyard/sandbox';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { grepTool } from '../src/grep.ts';
import { shellCheckTool } from '../src/shell-check.ts';
import { shellInputTool } from '../src/shell-input.ts';
import { shellKillTool } from '../src/shell-kill.ts';
import { shellTool } from '../src/shell.ts';
import { type CallOptions, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
const never = new AbortController().signal;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

interface Shown {
  readonly id: string;
  readonly exitCode?: number | null;
  readonly output: string;
  readonly status?: string;
  readonly running?: boolean;
  readonly note?: string;
  readonly log: string;
  readonly nextOffset: number;
}

async function call<Input>(tool: Tool<Input>, input: NoInfer<Input>, options?: CallOptions): Promise<Shown> {
  const result = await bench.call(tool, input, options);
  if (result.outcome !== 'ok') throw new Error(result.message);
  const output = result.output as unknown as Shown & { commands?: Shown[] };
  return output.commands?.[0] ?? output;
}

const start = (command: string, options?: CallOptions) =>
  call(shellTool, { command, background: true }, options);
const untilEnd = (id: string) => call(shellCheckTool, { ids: [id], wait_for: 'end', wait_seconds: 60 });

async function isRunning(command: string): Promise<boolean> {
  const { output } = await call(shellTool, { command: `pgrep -fxc '${command}' || true`, session: 'look' });
  return output !== '0\n';
}

describe('a command in the background', () => {
  test('answers at once with its id and its first output, and is looked at later', async () => {
    const gate = `gate-${randomUUID()}`;
    const started = await start(`echo ready; until [ -e ${gate} ]; do sleep 0.05; done; echo "done"; exit 3`);
    expect(started).toMatchObject({
      exitCode: null,
      running: true,
      id: expect.stringMatching(/^[0-9a-f]{12}$/),
      output: 'ready\n',
      timedOut: false,
      note: expect.stringContaining(`Runs in the background as ${started.id}.`),
    });
    expect(await call(shellCheckTool, { ids: [started.id] })).toMatchObject({
      status: 'running',
      output: '',
      takesInput: true,
    });
    await bench.write(gate, '');
    expect(await untilEnd(started.id)).toMatchObject({
      status: 'exited',
      exitCode: 3,
      output: 'done\n',
      fromOffset: 6,
      nextOffset: 11,
    });
    expect(await call(shellCheckTool, { ids: [started.id], offset: 0 })).toMatchObject({
      output: 'ready\ndone\n',
    });
    expect(await bench.call(grepTool, { path: started.log, pattern: 'done' })).toMatchObject({
      output: expect.stringContaining('2: done'),
    });
  });

  test('that ends in its first moment says so with its exit code', async () => {
    expect(await start('echo "no such port" >&2; exit 4')).toMatchObject({
      exitCode: 4,
      output: 'no such port\n',
      note: 'It has ended already, so it is not in the background.',
    });
  });

  test('begins with its session, and leaves it as it is', async () => {
    const session = 'of-a-background';
    await call(shellTool, { command: 'mkdir -p sub; cd sub; export COLOR=red', session });
    const input = {
      command: 'pwd; echo $COLOR; cd /; export COLOR=blue; sleep 1',
      background: true,
      session,
    };
    const { id, output } = await call(shellTool, input);
    expect(output).toBe('/workspace/sub\nred\n');
    await untilEnd(id);
    expect(await call(shellTool, { command: 'pwd; echo $COLOR', session })).toMatchObject({
      output: '/workspace/sub\nred\n',
    });
  });

  test('shows each conversation what is new to it, and a repeated call the same again', async () => {
    const gate = `gate-${randomUUID()}`;
    const { id } = await start(`echo one; until [ -e ${gate} ]; do sleep 0.05; done; echo two; sleep 600`);
    const other = { threadId: 'another thread' };
    expect((await call(shellCheckTool, { ids: [id] }, other)).output).toBe('one\n');
    await bench.write(gate, '');
    const asked = { callId: randomUUID() };
    const wait = { ids: [id], wait_seconds: 60 };
    expect((await call(shellCheckTool, wait, asked)).output).toBe('two\n');
    expect((await call(shellCheckTool, { ids: [id] }, asked)).output).toBe('two\n');
    expect((await call(shellCheckTool, { ids: [id] })).output).toBe('');
    expect((await call(shellCheckTool, { ids: [id] }, other)).output).toBe('two\n');
    await call(shellKillTool, { id });
  });

  test('never shows half a character, wherever it was looked at', async () => {
    const { id } = await start(
      String.raw`printf 'a\303'; read -r _; printf '\274b\360\237'; read -r _; printf '\230\200c\n'`,
    );
    const seen = ['a'];
    for (let turn = 0; turn < 2; turn += 1) {
      seen.push((await call(shellInputTool, { id, text: '', wait_seconds: 20 })).output);
    }
    seen.push((await untilEnd(id)).output);
    expect(seen.join('')).toBe('aüb😀c\n');
  });

  test('is one of several that are waited for, and is listed', async () => {
    const gate = `gate-${randomUUID()}`;
    const [slow, quick] = [
      await start(`sleep 600; : slow ${gate}`),
      await start(`until [ -e ${gate} ]; do sleep 0.05; done; echo quick`),
    ];
    await bench.write(gate, '');
    const result = await bench.call(shellCheckTool, { ids: [slow.id, quick.id], wait_seconds: 60 });
    expect(result).toMatchObject({
      output: {
        commands: [
          { id: slow.id, status: 'running' },
          { id: quick.id, output: 'quick\n' },
        ],
      },
    });
    const list = await bench.call(shellCheckTool, {});
    if (list.outcome !== 'ok') throw new Error(list.message);
    expect((list.output as { commands: unknown }).commands).toContainEqual({
      id: slow.id,
      status: 'running',
      seconds: expect.any(Number),
      command: `sleep 600; : slow ${gate}`,
    });
    await call(shellKillTool, { id: slow.id });
  });

  test('is stopped from waiting by a cancel', async () => {
    const { id } = await start('sleep 600; : cancelled');
    const stop = new AbortController();
    const waiting = call(shellCheckTool, { ids: [id], wait_seconds: 600 }, { signal: stop.signal });
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    await call(shellKillTool, { id });
  });

  test('that prints without end is killed, and leaves room for the others', async () => {
    // As fast as it can once it has been left alone.
    const { id, log } = await start('read -r _; yes 0123456789012345678901234567890123456789');
    await call(shellInputTool, { id, text: 'go', wait_seconds: 0 });
    const ended = await untilEnd(id);
    expect(ended).toMatchObject({ status: 'flooded', exitCode: null });
    expect(ended.note).toContain('printing more than 32 MiB');
    expect(ended.output.length).toBeLessThan(34_000);
    await vi.waitFor(
      async () => {
        const { output } = await call(shellTool, { command: `wc -c <${log}`, session: 'look' });
        expect(Number(output)).toBeLessThanOrEqual(32 * 1024 * 1024);
      },
      { timeout: 20_000 },
    );
  });

  test('is refused when as many run as may, and a waiting one is killed at its timeout then', async () => {
    const ids: string[] = [];
    let refused = '';
    for (let count = 0; count < 20 && refused === ''; count += 1) {
      try {
        ids.push((await start('sleep 600; : many')).id);
      } catch (error) {
        refused = String(error);
      }
    }
    expect(refused).toContain('16 commands run in the background of this sandbox already');
    expect(await call(shellTool, { command: 'echo up; sleep 600', timeout_seconds: 1 })).toMatchObject({
      exitCode: null,
      timedOut: true,
      output: 'up\n',
      note: expect.stringContaining('Killed after 1 s'),
    });
    await Promise.all(ids.map((id) => call(shellKillTool, { id })));
    const { id } = await start('sleep 600; : room again');
    await call(shellKillTool, { id });
  }, 180_000);

  test('stays known for as long as it runs, however long ago it was heard of', async () => {
    const { id, log } = await start('echo up; sleep 600; : old');
    const old = await start('echo over; sleep 1');
    await untilEnd(old.id);
    const session = 'aged';
    await call(shellTool, { command: 'export AGED=1', session });
    await call(shellTool, {
      command: 'find /dev/shm/.switchyard* /tmp/.switchyard* -exec touch -h -d "3 days ago" {} +',
      session: 'ageing',
    });
    await bench.reopen();
    expect(await call(shellCheckTool, { ids: [id], offset: 0 })).toMatchObject({
      status: 'running',
      output: 'up\n',
    });
    expect(
      await call(shellTool, { command: `cat ${log}; ls ${old.log}; echo $AGED`, session }),
    ).toMatchObject({
      output: expect.stringMatching(/^up\nls: [^\n]*No such file[^\n]*\n1\n$/),
    });
    expect(await call(shellKillTool, { id })).toMatchObject({ exitCode: 143 });
  });

  test('is unknown once the sandbox was started anew', async () => {
    const { id } = await start('sleep 600');
    await bench.restart();
    expect(await bench.call(shellCheckTool, { ids: [id] })).toEqual({
      outcome: 'error',
      message: `No command ${id} is in the background of this sandbox. There is none. They end when the sandbox is started anew.`,
    });
  });
});

describe('a command whose time is over', () => {
  test('goes on in the background, and leaves its session alone', async () => {
    const gate = `gate-${randomUUID()}`;
    const command = `cd /tmp; export LEFT=1; echo before; until [ -e /workspace/${gate} ]; do sleep 0.05; done; echo after`;
    const left = await call(shellTool, { command, timeout_seconds: 1, session: 'left' });
    expect(left).toMatchObject({ exitCode: null, running: true, timedOut: true, output: 'before\n' });
    expect(left.note).toBe(
      `Not ended after 1 s: it goes on in the background as ${left.id}, and the session is as it was before. shell_check with wait_seconds waits for it, shell_kill ends it.`,
    );
    expect(await bench.call(shellInputTool, { id: left.id, text: 'x' })).toMatchObject({
      outcome: 'error',
      message: expect.stringContaining('takes no input'),
    });
    await bench.write(gate, '');
    expect(await untilEnd(left.id)).toMatchObject({ exitCode: 0, output: 'after\n' });
    expect(await call(shellTool, { command: 'pwd; echo "[$LEFT]"', session: 'left' })).toMatchObject({
      output: '/workspace\n[]\n',
    });
  });

  test('is found by who comes after its worker, and makes the same result', async () => {
    const callId = randomUUID();
    const incarnation = bench.sandbox.incarnation;
    const input = { command: 'echo up; sleep 600', timeout_seconds: 1 };
    const lost = new AbortController();
    const worker = bench.sandbox.run({
      command: input.command,
      session: 'thread-of-a-test main',
      timeoutMs: 600_000,
      signal: lost.signal,
      onOutput: () => lost.abort(new Error('lost')),
      isKilledBy: () => false,
      claim: { callId, incarnation },
    });
    await expect(worker).rejects.toThrow('lost');
    const followed = await bench.sandbox.attachCall({
      callId,
      incarnation,
      timeoutMs: 1000,
      isLeftAtTimeout: true,
      readerId: 'thread-of-a-test',
      signal: never,
    });
    expect(followed).toMatchObject({ outcome: 'running', output: 'up\n' });
    const left = { callId, output: followed.output, logPath: followed.log.path };
    const result = shellTool.recoverLeft?.(left, input);
    if (result?.outcome !== 'ok') throw new Error('The command was not recovered.');
    const output = result.output as unknown as Shown;
    expect(output).toMatchObject({ running: true, timedOut: true, output: 'up\n' });
    expect(await call(shellCheckTool, { ids: [output.id] })).toMatchObject({ status: 'running', output: '' });
    expect(await call(shellKillTool, { id: output.id })).toMatchObject({ exitCode: 143 });
  });
});

describe('shell_input', () => {
  test('holds a conversation with a program', async () => {
    const { id, output } = await start('while read -r line; do echo "you said $line"; done; echo bye');
    expect(output).toBe('');
    expect(await call(shellInputTool, { id, text: "it's $HOME", wait_seconds: 20 })).toMatchObject({
      status: 'running',
      output: "you said it's $HOME\n",
    });
    expect(await call(shellInputTool, { id, text: 'ü', wait_seconds: 20 })).toMatchObject({
      output: 'you said ü\n',
    });
    await call(shellInputTool, { id, text: 'last', key: 'ctrl-d', wait_seconds: 20 });
    expect(await untilEnd(id)).toMatchObject({ exitCode: 0 });
    expect((await call(shellCheckTool, { ids: [id], offset: 0 })).output).toContain('you said last\nbye\n');
    expect(await bench.call(shellInputTool, { id, text: 'more' })).toMatchObject({
      message: `The command ${id} has ended; shell_check says how.`,
    });
  });

  test('drives an interpreter that would have ended without it', async () => {
    const { id } = await start('node -i');
    const answer = await call(shellInputTool, { id, text: 'console.log(6 * 7)', wait_seconds: 30 });
    const rest = await call(shellCheckTool, { ids: [id], offset: 0 });
    expect(answer.output + rest.output).toContain('42');
    await call(shellInputTool, { id, key: 'ctrl-d' });
    expect(await untilEnd(id)).toMatchObject({ status: 'exited', exitCode: 0 });
  });

  test('takes a closed input as closed', async () => {
    const { id } = await start('cat >/dev/null; sleep 600');
    await call(shellInputTool, { id, key: 'ctrl-d' });
    expect(await bench.call(shellInputTool, { id, text: 'x' })).toMatchObject({
      outcome: 'error',
      message: expect.stringContaining('its input was closed'),
    });
    await call(shellKillTool, { id });
  });

  test('interrupts as Ctrl-C does', async () => {
    const { id } = await start('trap "echo interrupted; exit 9" INT; echo up; while :; do sleep 0.1; done');
    await call(shellInputTool, { id, key: 'ctrl-c' });
    expect(await untilEnd(id)).toMatchObject({ exitCode: 9 });
    const plain = await start(
      'node -e "process.on(\'SIGINT\', () => process.exit(8)); setInterval(() => {}, 1000)"; exit $?',
    );
    await vi.waitFor(
      async () => {
        await bench.call(shellInputTool, { id: plain.id, key: 'ctrl-c' });
        expect((await call(shellCheckTool, { ids: [plain.id] })).status).toBe('exited');
      },
      { timeout: 30_000 },
    );
  });

  test('does not wait for a program that does not read', async () => {
    const { id } = await start('sleep 600; : deaf');
    const text = 'x'.repeat(30_000);
    let message = '';
    for (let count = 0; count < 5 && message === ''; count += 1) {
      const result = await bench.call(shellInputTool, { id, text, wait_seconds: 0 });
      if (result.outcome === 'error') message = result.message;
    }
    expect(message).toContain('does not read its input');
    await call(shellKillTool, { id });
  });

  test('writes once, however often the call comes', async () => {
    const { id } = await start('cat');
    const callId = randomUUID();
    await call(shellInputTool, { id, text: 'once', wait_seconds: 20 }, { callId });
    const again = bench.call(shellInputTool, { id, text: 'once' }, { callId });
    await expect(again).rejects.toThrow(ClaimTakenError);
    const record = await bench.sandbox.inspectCall(callId, bench.sandbox.incarnation, { signal: never });
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(shellInputTool.recover?.(record, { id, text: 'once' })).toMatchObject({
      outcome: 'ok',
      output: { id },
    });
    expect((await call(shellCheckTool, { ids: [id], offset: 0 })).output).toBe('once\n');
    await call(shellKillTool, { id });
  });

  test('and shell_kill name the commands that there are for one that is not', async () => {
    const { id } = await start('sleep 600; : known');
    for (const unknown of ['0123456789ab', '../../etc', '$(id)']) {
      const results = [
        await bench.call(shellInputTool, { id: unknown, text: 'x' }),
        await bench.call(shellKillTool, { id: unknown }),
        await bench.call(shellCheckTool, { ids: [unknown] }),
      ];
      for (const result of results) {
        expect(result).toMatchObject({
          outcome: 'error',
          message: expect.stringContaining(`${id} (running: sleep 600; : known)`),
        });
      }
    }
    await call(shellKillTool, { id });
  });

  test('asks for something to do', async () => {
    expect(await bench.call(shellInputTool, { id: '0123456789ab' })).toEqual({
      outcome: 'error',
      message: 'Give a text, a key, or both.',
    });
  });
});

describe('shell_kill', () => {
  test('ends a command with all that it started, and says how', async () => {
    const { id } = await start('echo up; (sleep 4321 & sleep 4321); wait');
    expect(await call(shellKillTool, { id })).toMatchObject({
      status: 'exited',
      exitCode: 143,
      note: 'Exit code 143 stands for an end by SIGTERM.',
    });
    expect(await isRunning('sleep 4321')).toBe(false);
    expect(await bench.call(shellKillTool, { id })).toMatchObject({
      outcome: 'error',
      message: `The command ${id} has ended; shell_check says how.`,
    });
  });

  test('lets a command end by itself, and kills one that does not', async () => {
    const polite = await start('trap "echo saved; exit 0" TERM; echo up; while :; do sleep 0.1; done');
    expect(await call(shellKillTool, { id: polite.id })).toMatchObject({
      exitCode: 0,
      output: expect.stringContaining('saved\n'),
    });
    const deaf = await start('trap "" TERM; echo up; while :; do sleep 0.1; done');
    expect(await call(shellKillTool, { id: deaf.id })).toMatchObject({
      exitCode: 137,
      note: expect.stringContaining('SIGKILL'),
    });
  });

  test('kills once, however often the call comes', async () => {
    const { id } = await start('sleep 600');
    const callId = randomUUID();
    await call(shellKillTool, { id }, { callId });
    await expect(bench.call(shellKillTool, { id }, { callId })).rejects.toThrow(ClaimTakenError);
    const record = await bench.sandbox.inspectCall(callId, bench.sandbox.incarnation, { signal: never });
    if (record.state !== 'recorded') throw new Error(record.state);
    expect(shellKillTool.recover?.(record, { id })).toMatchObject({ outcome: 'ok' });
    expect(shellKillTool.recover?.({ ...record, exitCode: 1, output: 'ended\n' }, { id })).toEqual({
      outcome: 'error',
      message: `The command ${id} has ended; shell_check says how.`,
    });
  });
});
