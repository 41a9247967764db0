import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { startGuardedProcess } from '../src/index.ts';
import { isAlive, temporaryDirectory } from './temporary-directory.ts';

const sleeper = { command: 'sh', stopSignal: 'TERM' } as const;

describe('a guarded process', () => {
  test('ends when its starter is killed without warning, and what it used is removed', async () => {
    const directory = await temporaryDirectory();
    const starter = path.join(directory, 'starter.ts');
    const module = path.resolve(import.meta.dirname, '../src/guarded-process.ts');
    const data = path.join(directory, 'data');
    await writeFile(
      starter,
      `import { startGuardedProcess } from ${JSON.stringify(module)};
       import { mkdirSync } from 'node:fs';
       mkdirSync(${JSON.stringify(data)});
       const child = await startGuardedProcess({ command: 'sleep', args: ['600'], stopSignal: 'TERM', removeAtEnd: ${JSON.stringify(data)} });
       console.log(child.pid);`,
    );
    const parent = spawn(process.execPath, [starter], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 });
    await vi.waitFor(() => expect(stat(data)).rejects.toThrow('ENOENT'), { timeout: 10_000 });
  });

  test('tells its exit code, and 128 + n for signal n', async () => {
    const own = await startGuardedProcess({ ...sleeper, args: ['-c', 'exit 7'] });
    expect(await own.exited).toBe(7);
    const killed = await startGuardedProcess({ ...sleeper, args: ['-c', 'exec sleep 600'] });
    process.kill(killed.pid, 'SIGKILL');
    expect(await killed.exited).toBe(137);
  });

  test('keeps its last lines and offers each as it comes', async () => {
    const child = await startGuardedProcess({
      ...sleeper,
      args: ['-c', 'echo one; echo two >&2; exec sleep 600'],
    });
    expect(await child.nextLine(/two/)).toBe('two');
    expect(await child.nextLine(/one/)).toBe('one');
    await child.stop();
    expect(child.lastLines().toSorted()).toEqual(['one', 'two']);
  });

  test('has ended although something that it started holds its output open', async () => {
    const child = await startGuardedProcess({ ...sleeper, args: ['-c', 'sleep 600 & echo $!; exit 5'] });
    const orphan = Number(await child.nextLine(/\d+/));
    expect(await child.exited).toBe(5);
    process.kill(orphan, 'SIGKILL');
  });

  test('is killed when it ignores the stop signal', async () => {
    const child = await startGuardedProcess({
      ...sleeper,
      args: ['-c', 'trap "" TERM; echo deaf; while :; do sleep 0.05; done'],
    });
    await child.nextLine(/deaf/);
    await child.stop(200);
    expect(isAlive(child.pid)).toBe(false);
  });

  test('tells when the command does not exist', async () => {
    const child = await startGuardedProcess({ ...sleeper, command: '/no/such/program', args: [] });
    expect(await child.exited).toBe(127);
  });
});
