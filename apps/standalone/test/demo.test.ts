import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { AskPerson } from '../src/demo-consent.ts';
import { runDemo } from '../src/demo.ts';
import { type Stack, startStack } from './stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 120_000);
afterAll(() => stack.stop(), 30_000);

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'switchyard-demo-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

interface Wish {
  readonly task: string;
  readonly files?: readonly string[];
  readonly saveTo: string;
  readonly signal?: AbortSignal;
  readonly onText?: (text: string) => void;
  readonly askPerson?: AskPerson;
  readonly isChaotic?: boolean;
}

async function killWorker(): Promise<number> {
  const pid = await stack.workerPid();
  process.kill(pid, 'SIGKILL');
  return pid;
}

async function demo(options: Wish) {
  let text = '';
  const { exitCode } = await runDemo({
    gatewayUrl: stack.gatewayUrl,
    apiKey: stack.apiKey,
    task: options.task,
    files: options.files ?? [],
    output: {
      write(piece) {
        text += piece;
        options.onText?.(text);
      },
    },
    askPerson: options.askPerson ?? null,
    signal: options.signal ?? new AbortController().signal,
    saveTo: options.saveTo,
    ...(options.isChaotic ? { killWorker } : {}),
  });
  return { exitCode, text };
}

describe('the demo on the whole product', () => {
  it('analyses an attached table in the sandbox, mends its script by what the data shows, and saves the report', async () => {
    const saveTo = await folder();
    const file = path.join(saveTo, 'Größen & more.csv');
    const amounts = Array.from({ length: 300 }, (_, row) => ((row * 37) % 1000) / 4);
    const rows = amounts.map((amount, row) => {
      const remark = row % 50 === 49 ? `"two;fields,\nand ""two"" lines"` : `remark ${row % 7}`;
      const written = row === 200 ? 'n/a' : amount.toLocaleString('de-DE');
      return `${remark};${written}`;
    });
    await writeFile(file, `\uFEFFBemerkung;Größe\r\n${rows.join('\r\n')}\r\n`);

    const { exitCode, text } = await demo({ task: 'What is in it?', files: [file], saveTo });
    expect(text).toMatch(/completed \(finished\) · \d+ steps/);
    expect(exitCode).toBe(0);
    expect(text).toContain('The run failed, and the data says why.');
    const report = await readFile(path.join(saveTo, 'report.md'), 'utf8');
    const sum = amounts.reduce((total, amount, row) => (row === 200 ? total : total + amount), 0);
    expect(report).toContain('300 rows in 2 columns');
    expect(report).toMatch(new RegExp(`\\| Größe \\| 299 \\| 1 \\|.*\\| ${sum.toLocaleString('en-US')} \\|`));
  }, 60_000);

  it('asks before a call that needs consent, and refuses it where nobody is to be asked', async () => {
    const command = (consent: string) => ({
      steps: [{ toolCall: { name: 'shell', arguments: { command: 'echo did it', consent } } }],
    });
    await stack.setScenario('demo-consent', {
      turns: [command('May I once?'), command('May I twice?'), { steps: [{ text: 'That was it.' }] }],
    });
    const task = '[[scenario:demo-consent]]';
    const asked: string[] = [];
    const answers = [true, false];
    const askPerson: AskPerson = (question) => {
      asked.push(question);
      return Promise.resolve(answers.shift() ?? false);
    };
    const withPerson = await demo({ task, saveTo: await folder(), askPerson });
    expect(withPerson.exitCode).toBe(0);
    expect(asked).toHaveLength(2);
    expect(withPerson.text).toMatch(/May I once\?[^]*did it[^]*May I twice\?[^]*denied[^]*That was it\./);

    const alone = await demo({ task, saveTo: await folder() });
    expect(alone.exitCode).toBe(0);
    expect(alone.text).toMatch(/May I once\?[^]*Nobody was there[^]*denied[^]*That was it\./);
    expect(alone.text).not.toContain('│ did it');
  }, 60_000);

  it('cancels the run, and the command that it is in, when it is interrupted', async () => {
    const interrupting = new AbortController();
    const { exitCode, text } = await demo({
      task: 'Run `echo begun; sleep 600` please',
      saveTo: await folder(),
      signal: interrupting.signal,
      onText: (shown) => shown.includes('│ begun') && interrupting.abort(),
    });
    expect(exitCode).toBe(1);
    expect(text).toContain('cancelled');
  }, 60_000);

  it('comes through chaos: its worker killed and its stream dropped twice, nothing is lost or done twice', async () => {
    const saveTo = await folder();
    const file = path.join(saveTo, 'numbers.csv');
    await writeFile(
      file,
      `kind,amount\n${Array.from({ length: 50 }, (_, row) => `k${row % 3},${row}`).join('\n')}\n`,
    );
    const { exitCode, text } = await demo({ task: 'What is in it?', files: [file], saveTo, isChaotic: true });
    expect(text).toMatch(/completed \(finished\)/);
    expect(text).toMatch(/\n  The worker is killed \(kill -9 \d+\)\. Back after [\d.]+ s\.\n/);
    expect(text.match(/\n  The stream is dropped\. Back after/g)).toHaveLength(2);
    expect(text).toMatch(/\d+ events and [1-9]\d* commands: 0 lost, 0 repeated, 0 run twice\./);
    expect(text).toContain('What was shown is what is stored.');
    expect(exitCode).toBe(0);
    expect(await readFile(path.join(saveTo, 'report.md'), 'utf8')).toContain('50 rows in 2 columns');
  }, 90_000);

  it('says so when chaos did harm, or did not come about', async () => {
    await stack.setScenario('demo-twice', {
      turns: [
        {
          steps: [
            {
              toolCall: {
                name: 'shell',
                arguments: { command: 'for n in 1 1; do echo $n >> commands.log; done' },
              },
            },
          ],
        },
        { steps: [{ text: 'That was it.' }] },
      ],
    });
    const { exitCode, text } = await demo({
      task: '[[scenario:demo-twice]]',
      saveTo: await folder(),
      isChaotic: true,
    });
    expect(exitCode).toBe(1);
    expect(text).toContain('0 lost, 0 repeated, 1 run twice.');
    expect(text).toContain('The run was too short for all of it.');
  }, 60_000);
});
