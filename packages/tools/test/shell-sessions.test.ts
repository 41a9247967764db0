import { randomUUID } from 'node:crypto';
import { AppError } from '@switchyard/protocol';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellTool } from '../src/shell.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

interface Where {
  readonly session?: string;
  readonly threadId?: string;
  readonly cwd?: string;
}

interface Shown {
  readonly exitCode: number | null;
  readonly output: string;
}

/** A conversation of its own, so that each test begins with a new session. */
function conversation(threadId = `thread-${randomUUID()}`) {
  return async (command: string, { session, cwd }: Where = {}): Promise<Shown> => {
    const result = await bench.call(
      shellTool,
      { command, ...(session ? { session } : {}), ...(cwd ? { cwd } : {}) },
      { threadId },
    );
    if (result.outcome !== 'ok') throw new Error(result.message);
    return result.output as unknown as Shown;
  };
}

describe('a session of the shell', () => {
  test('begins in the workspace and keeps its folder and exported variables', async () => {
    const run = conversation();
    expect(await run('pwd')).toMatchObject({ output: '/workspace\n' });
    await run('mkdir -p kept/deep; cd kept/deep; export COLOR=green; plain=red; PATH=$HOME/bin:$PATH');
    const { output } = await run('pwd; echo "$COLOR [$plain]"; echo "$PATH"; cd -');
    expect(output).toMatch(
      /^\/workspace\/kept\/deep\ngreen \[\]\n\/home\/user\/bin:\/[^\n]*\n\/workspace\n$/,
    );
    expect(await run('pwd')).toMatchObject({ output: '/workspace\n' });
  });

  test('keeps them when the command fails, exits, or is stopped by set -e', async () => {
    const run = conversation();
    expect(await run('cd /tmp; export A=1; false')).toMatchObject({ exitCode: 1 });
    expect(await run('pwd; cd /usr; export A="$A 2"; exit 7; cd /')).toMatchObject({
      exitCode: 7,
      output: '/tmp\n',
    });
    expect(await run('set -eu; export A="$A 3"; cat /nowhere; echo never')).toMatchObject({ exitCode: 1 });
    expect(await run('trap "echo bye" EXIT; export A="$A 4"')).toMatchObject({ output: 'bye\n' });
    expect(await run('export A="$A 5"; if then')).toMatchObject({ exitCode: 2 });
    expect(await run('echo "$A"; pwd')).toMatchObject({ output: '1 2 3 4\n/usr\n' });
  });

  test('forgets what was unset, and knows what can no longer be set', async () => {
    const run = conversation();
    await run('unset HTTP_PROXY HOME; export -n LANG; declare -rx FIXED=yes');
    const { output } = await run('echo "[$HOME$HTTP_PROXY]"; env | grep -c ^LANG=; FIXED=no; echo "$FIXED"');
    expect(output).toMatch(/^\[\]\n0\n[^\n]*FIXED: readonly variable\n$/);
  });

  test('goes to the folder that is named, and stays there', async () => {
    const run = conversation();
    await bench.write('named/folder/x', '');
    expect(await run('pwd', { cwd: 'named/folder' })).toMatchObject({
      output: '/workspace/named/folder\n',
    });
    expect(await run('pwd; cd -')).toMatchObject({ output: '/workspace/named/folder\n/workspace\n' });
    await expect(run('pwd', { cwd: '../etc' })).rejects.toThrow(AppError);
    await expect(run('pwd', { cwd: 'nowhere' })).rejects.toThrow('The working directory does not exist.');
  });

  test('whose folder was deleted goes on in the workspace and says so', async () => {
    const run = conversation();
    await run('mkdir -p doomed && cd doomed && rmdir ../doomed');
    expect(await run('pwd')).toMatchObject({
      exitCode: 0,
      output: "[The session's folder /workspace/doomed is gone; this runs in /workspace.]\n/workspace\n",
    });
    expect(await run('pwd')).toMatchObject({ output: '/workspace\n' });
  });

  test('is not disturbed by another one, nor by another conversation', async () => {
    const [run, other] = [conversation(), conversation()];
    await run('cd /tmp; export NAME=main');
    await run('cd /usr; export NAME=second', { session: 'second' });
    await other('cd /etc; export NAME=other');
    const [first, second, third] = await Promise.all([
      run('sleep 0.2; pwd; echo $NAME'),
      run('pwd; echo $NAME', { session: 'second' }),
      other('pwd; echo $NAME'),
    ]);
    expect([first.output, second.output, third.output]).toEqual([
      '/tmp\nmain\n',
      '/usr\nsecond\n',
      '/etc\nother\n',
    ]);
  });

  test('leaves a command nothing to see of it', async () => {
    const run = conversation();
    await run('export SEEN=1');
    const { output } = await run('echo "$# $0"; env | grep -i switchyard; set -x; echo traced');
    expect(output).toMatch(/^0 bash\n\++ echo traced\ntraced\n$/);
  });

  test('names the lines of a command by their own numbers', async () => {
    const { output } = await conversation()('true\ntrue\necho $LINENO\n');
    expect(output).toBe('3\n');
  });

  test('takes a command that is longer than an argument of a program may be', async () => {
    const run = conversation();
    await run('cd /tmp');
    const long = `: '${'ü'.repeat(90_000)}'\nexport LONG=1\necho "$# $LINENO"; pwd\nexit 3\n`;
    expect(await run(long)).toMatchObject({ exitCode: 3, output: '0 3\n/tmp\n' });
    expect(await run('echo $LONG')).toMatchObject({ output: '1\n' });
  });

  test('takes a value of any characters, and gives it back', async () => {
    const run = conversation();
    const bytes = fc.uint8Array({ min: 1, minLength: 1, maxLength: 40 });
    const value = fc.oneof(
      bytes.map((array) => Buffer.from(array)),
      fc.string({ unit: 'binary', maxLength: 30 }).map((text) => Buffer.from(text.replaceAll('\0', ''))),
      fc.constantFrom(
        ...[
          '',
          '\n',
          'a\n',
          "'",
          '"',
          '\\',
          '$(echo x)',
          '`x`',
          '!!',
          "$'x'",
          ' a ',
          '-n',
          '%s',
          '*',
          '~',
        ].map((text) => Buffer.from(text)),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 6 }), async (values) => {
        const octal = (one: Buffer): string =>
          [...one].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
        // Not by a substitution: bash changes bytes in it that are no UTF-8.
        const set = values.map((one, index) => `export V${index}=$'${octal(one)}'`);
        await run(set.join('\n'));
        const show = values.map((_, index) => `printf %s "$V${index}" | base64 -w 0; echo`);
        const { output } = await run(show.join('\n'));
        expect(output).toBe(values.map((one) => `${one.toString('base64')}\n`).join(''));
      }),
      { numRuns: 15 },
    );
  });

  test('survives a command that is killed', async () => {
    const run = conversation();
    await run('cd /tmp; export KEPT=1');
    expect(await run('cd /; export KEPT=2; kill -9 $$')).toMatchObject({ exitCode: 137 });
    expect(await run('pwd; echo $KEPT')).toMatchObject({ output: '/tmp\n1\n' });
  });

  test('stays whole when there is no room left for it', async () => {
    const run = conversation();
    await run('export KEPT=1');
    await run('export LOST=$(head -c 100000 /dev/zero | tr "\\0" x); ulimit -f 1');
    expect((await run('echo $KEPT ${#LOST}')).output).toMatch(/^1 (0|100000)\n$/);
    // Where the environment is too large for any program the shell itself goes on.
    await run('unset LOST');
    expect(await run('echo $KEPT')).toMatchObject({ output: '1\n' });
  });

  test('begins anew when the sandbox does', async () => {
    const run = conversation();
    await run('cd /tmp; export GONE=1');
    await bench.restart();
    expect(await run('pwd; echo "[$GONE]"')).toMatchObject({ output: '/workspace\n[]\n' });
  });
});
