import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Sandbox } from '../src/index.ts';
import { useSandbox } from './use-sandbox.ts';

let sandbox: Sandbox;
const signal = new AbortController().signal;

useSandbox((opened) => (sandbox = opened));

const run = (command: string, timeoutMs = 20_000) => sandbox.run({ command, timeoutMs, signal });

/** Whether a process whose arguments hold the mark lives in the sandbox; the asking command holds it in two pieces. */
async function isRunning(mark: string): Promise<boolean> {
  const { output } = await run(`mark='${mark.slice(0, 3)}''${mark.slice(3)}'
for file in /proc/[0-9]*/cmdline; do
  case "$(tr '\\0' ' ' <$file 2>/dev/null)" in *"$mark"*) echo found;; esac
done`);
  return output.includes('found');
}

describe('a command', () => {
  test('gives its exit code and both streams in their order', async () => {
    const result = await run('echo one; echo two >&2; echo three; exit 7');
    expect(result).toMatchObject({
      exitCode: 7,
      outcome: 'exited',
      output: 'one\ntwo\nthree\n',
      isTruncated: false,
    });
  });

  test('starts in the workspace as a user that is not root, with Node on its path', async () => {
    const { output } = await run('pwd; id -u; node -p "1+1"; echo "$HOME"');
    expect(output).toBe('/workspace\n1000\n2\n/home/user\n');
  });

  test('may be a script with heredocs, quotes, backslashes and dollars', async () => {
    const command = `cat <<'END' > "it's \\"odd\\".txt"\n$HOME \`x\` \\n 'q'\nEND\ncat <<END\n$((1 + 2))\nEND\ncat it*`;
    const { output } = await run(command);
    expect(output).toBe("3\n$HOME `x` \\n 'q'\n");
  });

  test('may be longer than one argument of a program', async () => {
    const long = 'x'.repeat(300_000);
    const { output } = await run(`printf %s '${long}' | wc -c`);
    expect(output.trim()).toBe('300000');
  });

  test('runs in the folder that was asked for, and a missing one is not found', async () => {
    await run('mkdir -p "a folder/below"');
    const result = await sandbox.run({ command: 'pwd', cwd: 'a folder/below', timeoutMs: 5_000, signal });
    expect(result.output).toBe('/workspace/a folder/below\n');
    const missing = sandbox.run({ command: 'pwd', cwd: 'nowhere', timeoutMs: 5_000, signal });
    await expect(missing).rejects.toMatchObject({ code: 'not_found' });
    const outside = sandbox.run({ command: 'pwd', cwd: '/etc', timeoutMs: 5_000, signal });
    await expect(outside).rejects.toMatchObject({ code: 'invalid_path' });
  });

  test('has an empty standard input, so that a program that asks does not hang', async () => {
    const result = await run('read -r line; echo "got:$line:$?"; cat');
    expect(result.output).toBe('got::1\n');
  });

  test('is recorded when it kills its own process group', async () => {
    const result = await run('echo before; kill -9 0; echo after');
    expect(result).toMatchObject({ exitCode: 137, output: 'before\n' });
  });

  test('that is unknown says so without naming the machinery', async () => {
    const { output, exitCode } = await run('no-such-program --flag');
    expect(exitCode).toBe(127);
    expect(output).toMatch(/^(ba)?sh: line 1: no-such-program: command not found\n$/);
  });
});

describe('output', () => {
  test('comes while the command runs', async () => {
    const seen: string[] = [];
    const gate = `gate-${randomUUID()}`;
    const running = sandbox.run({
      command: `echo first; while [ ! -e ${gate} ]; do sleep 0.05; done; echo second`,
      timeoutMs: 20_000,
      signal,
      onOutput: (_stream, text) => seen.push(text),
    });
    await expect.poll(() => seen.join(''), { timeout: 10_000 }).toBe('first\n');
    await run(`touch ${gate}`);
    expect(await running).toMatchObject({ exitCode: 0, output: 'first\nsecond\n' });
    expect(seen.join('')).toBe('first\nsecond\n');
  });

  test('keeps characters whole when their bytes come apart', async () => {
    const seen: string[] = [];
    const result = await sandbox.run({
      command: String.raw`printf '\303'; sleep 0.6; printf '\274 \360\237'; sleep 0.6; printf '\230\200'`,
      timeoutMs: 20_000,
      signal,
      onOutput: (_stream, text) => seen.push(text),
    });
    expect(result.output).toBe('ü 😀');
    expect(seen.join('')).toBe('ü 😀');
    expect(seen.every((text) => !text.includes('�'))).toBe(true);
  });

  test('larger than asked for keeps its head and its tail', async () => {
    const command = 'echo BEGIN; head -c 3000000 /dev/zero | tr "\\0" x; echo; echo END';
    const result = await sandbox.run({ command, timeoutMs: 20_000, maxOutputBytes: 10_000, signal });
    expect(result.isTruncated).toBe(true);
    expect(result.output.startsWith('BEGIN\nxxx')).toBe(true);
    expect(result.output.endsWith('xxx\nEND\n')).toBe(true);
    expect(result.output.length).toBeLessThan(10_200);
    expect(result.output).toMatch(/\[… \d+ bytes left out …\]/);
  });

  test('of several megabytes arrives whole when there is room for it', async () => {
    const command = 'node -e "for (let i = 0; i < 400000; i++) console.log(i)"';
    const result = await sandbox.run({ command, timeoutMs: 20_000, maxOutputBytes: 8_000_000, signal });
    const lines = result.output.trimEnd().split('\n');
    expect(lines.length).toBe(400_000);
    expect(lines.every((line, index) => line === String(index))).toBe(true);
  });

  test('without end is cut, and the sandbox works on', async () => {
    const result = await sandbox.run({ command: 'yes', timeoutMs: 30_000, signal });
    expect(result.isTruncated).toBe(true);
    expect(result.output.length).toBeLessThan(1_100_000);
    expect(await run('echo alive > x && cat x')).toMatchObject({ output: 'alive\n' });
    expect(await sandbox.run({ command: 'echo again', timeoutMs: 5_000, signal })).toMatchObject({
      exitCode: 0,
    });
  });
});

describe('the end of a command', () => {
  test('comes at its timeout, with what it had printed and everything it started', async () => {
    const mark = `mark-${randomUUID()}`;
    const result = await run(`echo started; sh -c 'sleep 600; : ${mark}' & sleep 600; : ${mark}`, 1_000);
    expect(result).toMatchObject({ exitCode: null, outcome: 'timed-out', output: 'started\n' });
    expect(await isRunning(mark)).toBe(false);
  });

  test('comes at once when its signal is aborted, for the whole group', async () => {
    const mark = `mark-${randomUUID()}`;
    const controller = new AbortController();
    const { promise: started, resolve } = Promise.withResolvers<void>();
    const running = sandbox.run({
      command: `echo up; sh -c 'sleep 600; : ${mark}' & sleep 600; : ${mark}`,
      timeoutMs: 600_000,
      signal: controller.signal,
      onOutput: () => resolve(),
    });
    await started;
    const abortedAt = performance.now();
    controller.abort(new Error('stopped by the user'));
    await expect(running).rejects.toThrow('stopped by the user');
    // The promise is one second; five times that on a busy machine.
    expect(performance.now() - abortedAt).toBeLessThan(5_000);
    expect(await isRunning(mark)).toBe(false);
  });

  test('does not come from an aborted signal whose reason is a hand-over', async () => {
    const controller = new AbortController();
    const { promise: started, resolve } = Promise.withResolvers<void>();
    const claim = { callId: randomUUID(), incarnation: sandbox.incarnation };
    const gate = `gate-${claim.callId}`;
    const running = sandbox.run({
      command: `echo up; while [ ! -e ${gate} ]; do sleep 0.05; done; echo done`,
      timeoutMs: 600_000,
      signal: controller.signal,
      onOutput: () => resolve(),
      isKilledBy: (reason) => reason !== 'hand-over',
      claim,
    });
    await started;
    controller.abort('hand-over');
    await expect(running).rejects.toBe('hand-over');
    await run(`touch ${gate}`);
    const attached = await sandbox.attachCall({ ...claim, timeoutMs: 20_000, signal });
    expect(attached).toMatchObject({ exitCode: 0, output: 'up\ndone\n' });
  });

  test('is refused a start when the signal was aborted before', async () => {
    const command = `touch never-${randomUUID()}`;
    const refused = sandbox.run({
      command,
      timeoutMs: 5_000,
      signal: AbortSignal.abort(new Error('too late')),
    });
    await expect(refused).rejects.toThrow('too late');
    expect((await run('ls never-* 2>/dev/null')).output).toBe('');
  });

  test('does not wait for what it left in the background', async () => {
    const mark = `mark-${randomUUID()}`;
    const result = await run(`sh -c 'sleep 300; : ${mark}' & echo left`);
    expect(result).toMatchObject({ exitCode: 0, output: 'left\n' });
    expect(await isRunning(mark)).toBe(true);
  });
});
