import { createToolset } from '@switchyard/agent';
import type { SwitchyardMessage } from '@switchyard/protocol';
import { readRun, type StartedRun } from '@switchyard/store';
import type { Sandbox } from '@switchyard/sandbox';
import { allTools } from '@switchyard/tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executeRun } from '../src/execute-run.ts';
import type { Worker } from '../src/worker.ts';
import { cTasks } from './coding-tasks/c.ts';
import { hands, type ToolCall } from './coding-tasks/hands.ts';
import { javascriptTasks } from './coding-tasks/javascript.ts';
import { perlTclAndJavaTasks } from './coding-tasks/perl-tcl-java.ts';
import { pythonTasks } from './coding-tasks/python.ts';
import { shellAndAwkTasks } from './coding-tasks/shell-and-awk.ts';
import { type CodingTask, filesAfter } from './coding-tasks/task.ts';
import { type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { startSandboxHost } from './sandbox-host.ts';

const tasks = [...javascriptTasks, ...pythonTasks, ...cTasks, ...shellAndAwkTasks, ...perlTclAndJavaTasks];
const never = new AbortController().signal;

let harness: Harness;
let host: Awaited<ReturnType<typeof startSandboxHost>>;
let worker: Worker;
let projectId: string;
let sandbox: Sandbox;
const passed: string[] = [];
const skipped = new Set<string>();

beforeAll(async () => {
  [harness, host] = await Promise.all([startHarness([]), startSandboxHost()]);
  worker = { ...harness.worker, tools: createToolset(allTools), sandboxes: host.sandboxes };
  const first = await harness.start({ turns: [calls(shell('true', '.')), finish] });
  projectId = first.project.id;
  await executeRun(worker, jobOf(first));
  sandbox = await host.sandboxes.open({ projectId, sandboxId: null, signal: never });
});
afterAll(async () => {
  const all = tasks.length * Object.keys(hands).length;
  process.stderr.write(`Coding tasks: ${passed.length} of ${all} solved.\n`);
  for (const line of skipped) process.stderr.write(`NOT TRIED: ${line}\n`);
  await harness.stop();
  await host.stop();
});

type Turn = Parameters<Harness['start']>[0]['turns'][number];
const calls = (...toolCalls: readonly ToolCall[]): Turn => ({
  steps: toolCalls.map((toolCall) => ({ toolCall })),
});
const shell = (command: string, cwd: string): ToolCall => ({ name: 'shell', arguments: { command, cwd } });
const finish = calls({ name: 'complete', arguments: { summary: 'The test passes.' } });

/** What the agent of the scenario does: see it fail, read, edit, see it pass. */
async function startTask(task: CodingTask, folder: string, edits: readonly ToolCall[]): Promise<StartedRun> {
  const test = shell(task.test, folder);
  const read = Object.keys(task.gold)
    .filter((path) => path in task.files)
    .map((path) => ({ name: 'read_file', arguments: { path: `${folder}/${path}` } }));
  const turns = [calls(test), calls(...read), calls(...edits), calls(test), finish];
  return await harness.start({ turns }, { projectId });
}

async function layOut({ files, executables = [] }: CodingTask, folder: string): Promise<void> {
  const changes = Object.entries(files).map(([path, content]) => ({
    kind: 'write' as const,
    path: `${folder}/${path}`,
    bytes: Buffer.from(content),
    mode: executables.includes(path) ? 0o755 : 0o644,
  }));
  await sandbox.changeFiles({ changes, signal: never });
}

const missingPrograms = async ({ needs }: CodingTask): Promise<string[]> => {
  const command = needs.map((name) => `command -v ${name} > /dev/null || echo ${name}`).join('; ');
  const { output } = await sandbox.run({ command, timeoutMs: 10_000, signal: never });
  return output.split('\n').filter((name) => name !== '');
};

function resultsOf({ parts }: SwitchyardMessage) {
  return parts.flatMap((part) =>
    part.type.startsWith('tool-') && 'toolCallId' in part
      ? [{ type: part.type, state: part.state, output: part.output, errorText: part.errorText }]
      : [],
  );
}

const exitCodeOf = (output: unknown) => (output as { exitCode: number | null }).exitCode;

/** Every file below the folder with its content and whether it is a program. */
async function contentOf(folder: string) {
  const { output } = await sandbox.run({
    command: `cd ${folder} && find . -type f -perm -u+x -printf '%P\\n'; echo; find . -type f -printf '%P\\n'`,
    timeoutMs: 10_000,
    signal: never,
  });
  const [executables = '', files = ''] = output.startsWith('\n')
    ? ['', output.slice(1)]
    : output.split('\n\n');
  const paths = files.split('\n').filter((path) => path !== '');
  const contents = paths.map(async (path) => {
    const { bytes } = await sandbox.readFile(`${folder}/${path}`, { signal: never });
    return [path, Buffer.from(bytes).toString()] as const;
  });
  return {
    files: new Map(await Promise.all(contents)),
    executables: executables.split('\n').filter((path) => path !== ''),
  };
}

describe.each(Object.entries(hands))('the agent with %s', (tool, hand) => {
  it.concurrent.each(tasks.map((task) => [`${task.language}: ${task.name}`, task] as const))(
    'makes the failing test pass, in %s',
    async (name, task) => {
      const missing = await missingPrograms(task);
      if (missing.length > 0 && task.language !== 'JavaScript' && task.language !== 'Shell')
        return void skipped.add(`${name}: no ${missing.join(', ')} in the sandbox`);
      const folder = `${task.name}-${tool.replaceAll(' ', '-')}`;
      await layOut(task, folder);
      const edits = hand(task, (path) => `${folder}/${path}`);
      const started = await startTask(task, folder, edits);
      await executeRun(worker, jobOf(started));

      const run = await readRun(harness.sql, harness.actor, started.run.id);
      expect(run).toMatchObject({ status: 'completed', reason: 'finished' });
      const results = resultsOf(await storedMessage(harness, run));
      expect(results.filter(({ state }) => state !== 'output-available')).toEqual([]);
      const [before, after] = results.filter(({ type }) => type === 'tool-shell').map(({ output }) => output);
      // 126 and 127 are a program that is not there.
      expect([0, 126, 127], JSON.stringify(before)).not.toContain(exitCodeOf(before));
      expect(exitCodeOf(after), JSON.stringify(after)).toBe(0);
      expect(results.map(({ type }) => type)).toEqual(
        expect.arrayContaining([`tool-${tool.split(' ')[0]}`, 'tool-read_file']),
      );
      const content = await contentOf(folder);
      expect(content.files).toEqual(filesAfter(task));
      expect(content.executables.toSorted()).toEqual([...(task.executables ?? [])].toSorted());
      passed.push(`${tool} ${name}`);
    },
  );
});

describe('the tasks', () => {
  it('are twenty, of at least two files and at least three languages', () => {
    expect(new Set(tasks.map(({ name }) => name)).size).toBe(20);
    expect(new Set(tasks.map(({ language }) => language)).size).toBeGreaterThanOrEqual(3);
    expect(tasks.filter(({ files }) => Object.keys(files).length < 2)).toEqual([]);
  });

  it('were solved in at least three languages, whatever this machine lacks', () => {
    const solved = tasks.filter(({ name }) => passed.some((line) => line.endsWith(`: ${name}`)));
    expect(new Set(solved.map(({ language }) => language)).size).toBeGreaterThanOrEqual(3);
  });
});
