import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { grepTool } from '../src/grep.ts';
import { readFileTool } from '../src/read-file.ts';
import { shellTool } from '../src/shell.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;

beforeAll(async () => {
  bench = await openWorkbench();
});
afterAll(() => bench.close());

interface Shown {
  readonly exitCode: number | null;
  readonly output: string;
  readonly note?: string;
}

async function run(command: string): Promise<Shown> {
  const result = await bench.call(shellTool, { command });
  if (result.outcome !== 'ok') throw new Error(result.message);
  return result.output as unknown as Shown;
}

describe('what the model reads of a command', () => {
  test('is the beginning and the end of a long output, and the file with all of it', async () => {
    const { output, note = '' } = await run('seq 1 100000');
    expect(output.length).toBeLessThan(34_000);
    expect(output).toMatch(/^1\n2\n3\n[^]*\n\[… 556127 bytes left out …\]\n[^]*\n99999\n100000\n$/);
    const path = /^All 588895 bytes that it printed are in (\/tmp\/\S+), which/.exec(note)?.[1] ?? '';
    expect(await bench.call(readFileTool, { path, offset: 50_000, limit: 2 })).toMatchObject({
      output: expect.stringMatching(/\n *50000\t50000\n *50001\t50001$/),
    });
    expect(await bench.call(grepTool, { path, pattern: '^77777$' })).toMatchObject({
      output: expect.stringContaining('77777: 77777'),
    });
    const end = await run(`tail -n 1 ${path}`);
    expect(end.output).toBe('100000\n');
  });

  test('says that nothing is kept of what is too much', async () => {
    const { note } = await run('head -c 20000000 /dev/zero | tr "\\0" "\\n"');
    expect(note).toBe(
      'It printed 20000000 bytes, too much to keep; have it write into a file of the workspace.',
    );
    expect((await run('find /tmp/.switchyard* -type f -size +10M')).output).toBe('');
  });

  test('is kept of the latest commands only, when much was printed', async () => {
    const print = 'head -c 15000000 /dev/zero | tr "\\0" "\\n"';
    const paths: string[] = [];
    for (let count = 0; count < 11; count += 1) {
      paths.push(/in (\/tmp\/\S+), which/.exec((await run(print)).note ?? '')?.[1] ?? '');
    }
    await vi.waitFor(
      async () => {
        const { output } = await run(`ls ${paths.join(' ')} 2>/dev/null | wc -l`);
        expect(Number(output)).toBe(8);
      },
      { timeout: 20_000 },
    );
    expect((await run(`ls ${paths.slice(3).join(' ')} | wc -l`)).output).toBe('8\n');
  });

  test('opens no other file outside the workspace by the name of such a file', async () => {
    const { output } = await run(
      'mkdir -p /tmp/.switchyard-1-2; echo secret > /tmp/other; cd /tmp; ls -d .switchyard*',
    );
    const name = `call-${'0'.repeat(40)}`;
    await run(`ln -s /tmp/other /tmp/.switchyard-1-2/${name}; ln -s /etc/passwd /tmp/.switchyard-1-2/x`);
    expect(output).toContain('.switchyard-1-2\n');
    for (const path of [
      `/tmp/.switchyard-1-2/${name}`,
      '/tmp/.switchyard-1-2/x',
      '/tmp/other',
      `/tmp/.switchyard-1-2/../other`,
      `/tmp/.switchyard-1-2/${name}/../../other`,
    ]) {
      await expect(bench.call(readFileTool, { path })).rejects.toMatchObject({ code: 'invalid_path' });
      await expect(bench.call(grepTool, { path, pattern: 'secret' })).rejects.toMatchObject({
        code: 'invalid_path',
      });
    }
  });

  test('is what a terminal would show in the end, while viewers get it as it comes', async () => {
    const seen: string[] = [];
    const command = String.raw`printf '\033[32mgreen\033[0m\n 10%%\r 50%%\r100%%\r\ndone\n'`;
    const result = await bench.call(shellTool, { command }, { onOutput: (text) => seen.push(text) });
    expect(result).toMatchObject({ output: { output: 'green\n100%\ndone\n' } });
    expect(seen.join('')).toBe('\u001b[32mgreen\u001b[0m\n 10%\r 50%\r100%\r\ndone\n');
  });

  test('is cut after the progress bars are gone', async () => {
    const command = String.raw`echo first; i=0; while [ $i -lt 20000 ]; do printf '\rprogress %s' $i; i=$((i+1)); done; echo; echo last`;
    expect(await run(command)).toMatchObject({ output: 'first\nprogress 19999\nlast\n' });
  });

  test('names the signal that ended it', async () => {
    expect(await run('kill -9 $$')).toMatchObject({
      exitCode: 137,
      note: 'Exit code 137 stands for an end by SIGKILL: something killed it, or the sandbox was out of memory.',
    });
    expect(await run('sh -c "kill -SEGV \\$\\$"')).toMatchObject({
      exitCode: 139,
      note: 'Exit code 139 stands for an end by SIGSEGV.',
    });
  });
});

/** Each asks for a person in its own way; those that this machine lacks are left out and named. */
const interactive: readonly (readonly [program: string, command: string, advice: RegExp])[] = [
  ['sh', 'read -r answer || exit 1; echo "$answer"', /^none$/],
  ['sh', 'printf "Continue? [y/N] "; read -r answer || exit 1', /Standard input is empty/],
  ['sh', 'cat </dev/tty', /no terminal here/],
  ['sh', 'tty', /no terminal here/],
  ['vim', 'vim note.txt', /no terminal here/],
  ['nano', 'nano note.txt', /no terminal here/],
  ['less', 'echo text > text.txt; less text.txt', /^none$/],
  ['more', 'more text.txt', /^none$/],
  ['top', 'top', /no terminal here/],
  ['man', 'man ls | head -n 3; true', /^none$/],
  ['node', 'node', /interpreter without a script/],
  ['python3', 'python3', /interpreter without a script/],
  ['python3', 'python3 -c "input()"', /Standard input is empty/],
  ['sqlite3', 'sqlite3', /interpreter without a script/],
  ['ssh', 'ssh -o ConnectTimeout=2 nobody@127.0.0.1 true', /^none$/],
  ['sudo', 'sudo -k true', /cannot become root/],
  ['apt-get', 'apt-get install hello', /cannot become root/],
  [
    'git',
    'rm -rf repo && git init -q repo && cd repo && git config user.email a@b && git config user.name a && echo x > x && git add x && git commit; code=$?; cd ..; exit $code',
    /No editor opens here/,
  ],
  ['git', 'cd repo && git commit -qm first && git log; cd ..', /^none$/],
  ['git', 'cd repo && git tag -a v1; code=$?; cd ..; exit $code', /No editor opens here/],
  ['npm', 'mkdir -p package && cd package && npm init; cd ..', /^none$/],
  ['curl', 'curl -sS http://nowhere.invalid --noproxy "*"', /there is no DNS/],
];

describe('a program that wants a person', () => {
  test.each(interactive)('%s: %s', async (program, command, advice) => {
    const { exitCode } = await run(`command -v ${program}`);
    if (exitCode !== 0) {
      process.stderr.write(`not tried, since ${program} is not here: ${command}\n`);
      return;
    }
    const result = await bench.call(shellTool, { command, timeout_seconds: 30 });
    if (result.outcome !== 'ok') throw new Error(result.message);
    expect(result.output).toMatchObject({ timedOut: false, exitCode: expect.any(Number) });
    const { note = 'none' } = result.output as unknown as Shown;
    expect(note).toMatch(advice);
  });
});
