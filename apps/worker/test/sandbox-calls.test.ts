import { createHash } from 'node:crypto';
import { createToolset } from '@switchyard/agent';
import { DrainedError, LockLostError, readRunLog } from '@switchyard/bus';
import { AppError, newId, type RunReason } from '@switchyard/protocol';
import type { Sandbox } from '@switchyard/sandbox';
import type { Scenario } from '@switchyard/stand-ins';
import { createFile, readRun, requestCancel, type StartedRun } from '@switchyard/store';
import { allTools } from '@switchyard/tools';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { foldMessage } from '@switchyard/agent/test';
import { executeRun } from '../src/execute-run.ts';
import type { Worker } from '../src/worker.ts';
import { faultyWorker } from './faulty-worker.ts';
import { chunksOfLog, type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { startSandboxHost } from './sandbox-host.ts';

let harness: Harness;
let host: Awaited<ReturnType<typeof startSandboxHost>>;
let worker: Worker;
/** One project, so one sandbox, for all runs of this file. */
let projectId: string;
let sandbox: Sandbox;
const never = new AbortController().signal;

beforeAll(async () => {
  [harness, host] = await Promise.all([startHarness([]), startSandboxHost()]);
  worker = { ...harness.worker, tools: createToolset(allTools), sandboxes: host.sandboxes };
  const first = await harness.start({ turns: [shell('true'), { steps: [{ text: 'ok' }] }] });
  projectId = first.project.id;
  await executeRun(worker, jobOf(first));
  sandbox = await host.sandboxes.open({ projectId, sandboxId: null, signal: never });
});
afterAll(async () => {
  await harness.stop();
  await host.stop();
});

function shell(command: string): Scenario['turns'][number] {
  return { steps: [{ toolCall: { name: 'shell', arguments: { command } } }] };
}

function shellCall(input: Readonly<Record<string, unknown>>): Scenario['turns'][number] {
  return { steps: [{ toolCall: { name: 'shell', arguments: input } }] };
}

/** A sandbox whose commands run, and whose worker never learns of it. */
function withoutAnswers(sandboxes: Worker['sandboxes']) {
  const { promise: hasRun, resolve } = Promise.withResolvers<void>();
  const open: Worker['sandboxes']['open'] = async (options) => {
    const opened = await sandboxes.open(options);
    const run: Sandbox['run'] = async (command) => {
      const { promise, reject } = Promise.withResolvers<never>();
      command.signal.addEventListener('abort', () => reject(command.signal.reason as Error));
      // The command itself is not told of the stop: nobody is there to tell it.
      const running = opened.run({
        ...command,
        signal: never,
        onOutput: () => resolve(),
      });
      running.then(() => resolve()).catch(() => undefined);
      return await promise;
    };
    return { ...opened, run };
  };
  return { sandboxes: { ...sandboxes, open }, hasRun };
}

const done: Scenario['turns'][number] = {
  steps: [{ toolCall: { name: 'complete', arguments: { summary: 'Done.' } } }],
};

async function start(...turns: Scenario['turns']): Promise<StartedRun> {
  return await harness.start({ turns }, { projectId });
}

async function expectEnd({ run: { id } }: StartedRun, reason: RunReason) {
  const run = await readRun(harness.sql, harness.actor, id);
  expect(run).toMatchObject({ reason });
  const message = await storedMessage(harness, run);
  expect(await foldMessage(await chunksOfLog(harness.redis, id))).toEqual(message);
  return { run, message };
}

async function linesOf(file: string): Promise<number> {
  if ((await sandbox.stat(file, { signal: never })) === null) return 0;
  const { bytes } = await sandbox.readFile(file, { signal: never });
  return Buffer.from(bytes).toString().split('\n').length - 1;
}

async function untilSaid(runId: string, text: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const { events } = await readRunLog(harness.redis, runId, { afterOrdinal: 0 });
      expect(events.some(({ json }) => json.includes('data-tool-output') && json.includes(text))).toBe(true);
    },
    { timeout: 20_000 },
  );
}

describe('changes of files in one answer', () => {
  it('follow each other on one file, however it is called, and are done before the command behind them', async () => {
    const write = (path: string, content: string) => ({
      toolCall: { name: 'write_file', arguments: { path, content } },
    });
    const replace = (path: string, old_str: string, new_str: string) => ({
      toolCall: { name: 'str_replace', arguments: { path, old_str, new_str } },
    });
    const others = Array.from({ length: 6 }, (_, index) => write(`lanes/${index}`, `${index}`));
    const started = await start(
      {
        steps: [
          write('lanes/a', 'one'),
          ...others,
          replace('/workspace/lanes/a', 'one', 'two'),
          replace('./lanes/a', 'two', 'three'),
          { toolCall: { name: 'shell', arguments: { command: 'cat /workspace/lanes/*' } } },
        ],
      },
      done,
    );
    await executeRun(worker, jobOf(started));
    const run = await readRun(harness.sql, harness.actor, started.run.id);
    expect(run).toMatchObject({ status: 'completed', steps: 2 });
    expect(JSON.stringify(harness.model.requests.at(-1)?.body.messages)).toContain('012345three');
  });
});

describe('a call in the sandbox', () => {
  it('is cancelled while it runs: the command dies and the receipt says when', async () => {
    const marker = newId();
    const started = await start(shell(`echo begun; sleep 600; echo end >> ${marker}`));
    const execution = executeRun(worker, jobOf(started));
    await untilSaid(started.run.id, 'begun');
    await requestCancel(harness.sql, harness.actor, started.run.id);
    await harness.control.publish(started.run.id, { type: 'cancel' });
    await execution;
    const { run } = await expectEnd(started, 'cancelled');
    expect(run.cancel?.toolKilledAt).not.toBeNull();
    const { output } = await sandbox.run({
      command: 'pgrep -xa sleep | grep -c " 600"',
      timeoutMs: 5000,
      signal: never,
    });
    expect(output.trim()).toBe('0');
  });

  it.each([
    ['whose worker dies', new LockLostError('run')],
    ['whose worker hands it over', new DrainedError()],
  ])('%s goes on, and the next worker follows it to its end', async (_case, reason) => {
    const marker = newId();
    const started = await start(shell(`echo x >> ${marker}; echo begun; sleep 1.5; echo ended`), done);
    const job = new AbortController();
    const execution = executeRun(worker, jobOf(started, job.signal));
    await untilSaid(started.run.id, 'begun');
    job.abort(reason);
    await execution;
    expect(await executeRun(worker, jobOf(started))).toBe('done');
    const { message } = await expectEnd(started, 'finished');
    expect(message.parts).toContainEqual(
      expect.objectContaining({
        type: 'tool-shell',
        state: 'output-available',
        output: expect.objectContaining({ exitCode: 0, output: 'begun\nended\n' }),
      }),
    );
    expect(await linesOf(marker)).toBe(1);
  });

  it('that was started in the background outlives its run, also a cancelled one, and is found by the next', async () => {
    const marker = newId();
    const begun = await start(
      shellCall({ command: `until [ -e ${marker} ]; do sleep 0.05; done; echo served`, background: true }),
      shell('echo waiting; sleep 600; : cancelled with its run'),
    );
    const execution = executeRun(worker, jobOf(begun));
    await untilSaid(begun.run.id, 'waiting');
    await requestCancel(harness.sql, harness.actor, begun.run.id);
    await harness.control.publish(begun.run.id, { type: 'cancel' });
    await execution;
    const { message } = await expectEnd(begun, 'cancelled');
    const [id] = message.parts.flatMap((part) =>
      part.type === 'tool-shell' && part.state === 'output-available'
        ? [(part.output as { id: string }).id]
        : [],
    );
    const look = { name: 'shell_check', arguments: { ids: [id], wait_for: 'end', wait_seconds: 60 } };
    const next = await harness.start(
      { turns: [shell(`touch ${marker}`), { steps: [{ toolCall: look }] }, done] },
      { threadId: begun.thread.id },
    );
    expect(await executeRun(worker, jobOf(next))).toBe('done');
    const { message: answer } = await expectEnd(next, 'finished');
    expect(answer.parts).toContainEqual(
      expect.objectContaining({
        type: 'tool-shell_check',
        output: { commands: [expect.objectContaining({ id, exitCode: 0, output: 'served\n' })] },
      }),
    );
  });

  it.each([
    ['at its timeout', { timeout_seconds: 2 }],
    ['at once', { background: true }],
  ])('that goes on in the background %s does so when its worker dies meanwhile', async (_when, input) => {
    const command = `echo begun; sleep 600; : ${newId()}`;
    const started = await start(shellCall({ command, ...input }), done);
    // Its answer is lost with the first worker: the second finds the command by its claim.
    const job = new AbortController();
    const { sandboxes, hasRun } = withoutAnswers(host.sandboxes);
    const execution = executeRun({ ...worker, sandboxes }, jobOf(started, job.signal));
    await hasRun;
    job.abort(new LockLostError('run'));
    await execution;
    expect(await executeRun(worker, jobOf(started))).toBe('done');
    const { message } = await expectEnd(started, 'finished');
    expect(message.parts).toContainEqual(
      expect.objectContaining({
        type: 'tool-shell',
        state: 'output-available',
        output: expect.objectContaining({ running: true, output: 'begun\n' }),
      }),
    );
    await sandbox.run({ command: `pkill -f '[s]leep 600'; true`, timeoutMs: 5000, signal: never });
  });

  it('runs beside those of other sessions of the shell, and after those of its own', async () => {
    const [gate, order] = [newId(), newId()];
    const calls = [
      { command: `until [ -e ${gate} ]; do sleep 0.05; done; echo first >> ${order}` },
      { command: `echo second >> ${order}` },
      { command: `touch ${gate}; until [ -s ${order} ]; do sleep 0.05; done; echo beside`, session: 'other' },
      { command: `until grep -sq second ${order}; do sleep 0.05; done; echo last`, session: 'third' },
    ].map((input) => ({ toolCall: { name: 'shell', arguments: input } }));
    const started = await start({ steps: calls }, done);
    expect(await executeRun(worker, jobOf(started))).toBe('done');
    const { message } = await expectEnd(started, 'finished');
    const outputs = message.parts.flatMap((part) =>
      part.type === 'tool-shell' && part.state === 'output-available' ? [part.output] : [],
    );
    expect(outputs).toMatchObject([
      { output: '' },
      { output: '' },
      { output: 'beside\n' },
      { output: 'last\n' },
    ]);
    const { bytes } = await sandbox.readFile(order, { signal: never });
    expect(Buffer.from(bytes).toString()).toBe('first\nsecond\n');
  });

  it('finds the attached files in the workspace, and never gets them twice', async () => {
    const text = 'a;b\n1;2\n';
    const file = await createFile(harness.sql, harness.actor, {
      projectId,
      name: '../odd näme.csv',
      mediaType: 'text/csv',
      size: text.length,
      objectKey: newId(),
    });
    const files = [file.id] as never;
    const started = await harness.start(
      {
        turns: [shell('cat uploads/*; echo changed > "uploads/$(ls uploads)"'), shell('cat uploads/*'), done],
      },
      { projectId, files },
    );
    const source = { read: async () => new Blob([text]).stream() };
    let isDraining = false;
    const first = executeRun({ ...worker, files: source, isDraining: () => isDraining }, jobOf(started));
    isDraining = true;
    expect(await first).toBe('hand-over');
    expect(await executeRun({ ...worker, files: source }, jobOf(started))).toBe('done');
    const { message } = await expectEnd(started, 'finished');
    const outputs = message.parts.flatMap((part) =>
      part.type === 'tool-shell' && part.state === 'output-available' ? [part.output] : [],
    );
    expect(outputs).toMatchObject([{ output: text }, { output: 'changed\n' }]);
    const sent = JSON.stringify(harness.model.requests.at(-1)?.body.messages);
    expect(sent).toContain('/workspace/uploads/');
  });

  it('goes on without attached files that cannot be copied, and the model is told of them once', async () => {
    const first = await harness.start({ turns: [shell('true'), done] });
    await executeRun(worker, jobOf(first));
    const { project } = first;
    const attach = (name: string) =>
      createFile(harness.sql, harness.actor, {
        name,
        objectKey: newId(),
        mediaType: 'text/csv',
        size: 4,
        projectId: project.id,
      });
    const [lost, there] = await Promise.all([attach('lost.csv'), attach('there.csv')]);
    const source: { read: Worker['files']['read'] } = {
      read: async (key) => {
        if (key === lost.objectKey) throw new AppError('not_found', 'The file does not exist.');
        return new Blob(['a;b\n']).stream();
      },
    };
    const runWith = async (...turns: Scenario['turns']) => {
      const files = [lost.id, there.id] as never;
      const started = await harness.start({ turns }, { projectId: project.id, files });
      expect(await executeRun({ ...worker, files: source }, jobOf(started))).toBe('done');
      const { message } = await expectEnd(started, 'finished');
      return message.parts.filter(({ type }) => type === 'tool-shell');
    };
    const told = (pattern: RegExp) => ({
      state: 'output-error',
      errorText: expect.stringMatching(pattern) as string,
    });
    const seen = (output: string) => ({ state: 'output-available', output: { output } });
    expect(
      await runWith(
        shell('cat uploads/*'),
        shell('cat uploads/*; mv uploads kept; ln -s /etc uploads'),
        done,
      ),
    ).toMatchObject([
      told(/^Not run: .*"lost\.csv" to \S+lost\.csv: The file does not exist\.(?!.*there\.csv).*call again/s),
      seen('a;b\n'),
    ]);
    // Nothing goes where a link leads.
    expect(await runWith(shell('ls uploads'), shell('rm uploads; ls kept'), done)).toMatchObject([
      told(/"lost\.csv".*out of the workspace.*"there\.csv".*out of the workspace/s),
      seen('there.csv\n'),
    ]);
    // A later message that does not name it costs nobody a call, whatever its storage answers.
    source.read = () => Promise.reject(new AppError('unavailable', 'The storage does not answer.'));
    const later = await harness.start({ turns: [shell('ls kept'), done] }, { projectId: project.id });
    expect(await executeRun({ ...worker, files: source }, jobOf(later))).toBe('done');
    const { message } = await expectEnd(later, 'finished');
    expect(message.parts.filter(({ type }) => type === 'tool-shell')).toMatchObject([seen('there.csv\n')]);
  });

  it('tells of a file that cannot be copied once in a run, though another worker goes on with it', async () => {
    const first = await harness.start({ turns: [shell('true'), done] });
    await executeRun(worker, jobOf(first));
    const { project } = first;
    const lost = await createFile(harness.sql, harness.actor, {
      name: 'lost.csv',
      objectKey: newId(),
      mediaType: 'text/csv',
      size: 4,
      projectId: project.id,
    });
    let isDraining = false;
    const files: Worker['files'] = {
      read: () => {
        isDraining = true;
        return Promise.reject(new AppError('not_found', 'The file does not exist.'));
      },
    };
    const turns = [shell('echo one'), shell('echo two'), done];
    const started = await harness.start({ turns }, { projectId: project.id, files: [lost.id] as never });
    const leaving = executeRun({ ...worker, files, isDraining: () => isDraining }, jobOf(started));
    expect(await leaving).toBe('hand-over');
    expect(await executeRun({ ...worker, files }, jobOf(started))).toBe('done');
    const { message } = await expectEnd(started, 'finished');
    expect(message.parts.filter(({ type }) => type === 'tool-shell')).toMatchObject([
      { state: 'output-error', errorText: expect.stringContaining('lost.csv') },
      { state: 'output-available', output: { output: 'two\n' } },
    ]);
  });

  it('hands files over with the result, and does not end the run by files that are not there', async () => {
    const finish = (...attachments: string[]): Scenario['turns'][number] => ({
      steps: [{ toolCall: { name: 'complete', arguments: { summary: 'Done.', attachments } } }],
    });
    const started = await start(shell('echo 1,2 > sums.csv'), finish('sum.csv'), finish('sums.csv'));
    await executeRun(worker, jobOf(started));
    const { message } = await expectEnd(started, 'finished');
    expect(message.parts.filter(({ type }) => type === 'data-file')).toEqual([
      {
        type: 'data-file',
        id: expect.any(String),
        data: { path: 'sums.csv', name: 'sums.csv', mediaType: 'text/csv', size: 4 },
      },
    ]);
    expect(message.parts).toContainEqual(
      expect.objectContaining({
        type: 'tool-complete',
        errorText: expect.stringContaining('sum.csv does not exist'),
      }),
    );
  });

  it('finds a large attached file whole, though nobody held it as a whole', async () => {
    const piece = Buffer.alloc(1024 * 1024);
    const pieces = 24;
    const hash = createHash('sha256');
    const state = { sent: 0 };
    const stream = () =>
      new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (state.sent === pieces) return controller.close();
            piece.fill(state.sent);
            hash.update(piece);
            state.sent += 1;
            controller.enqueue(Uint8Array.from(piece));
          },
        },
        { highWaterMark: 0 },
      );
    const file = await createFile(harness.sql, harness.actor, {
      projectId,
      name: 'large.bin',
      mediaType: 'application/octet-stream',
      size: pieces * piece.length,
      objectKey: newId(),
    });
    const started = await harness.start(
      { turns: [shell('sha256sum < uploads/large.bin; ls -A | grep -c switchyard'), done] },
      { projectId, files: [file.id] as never },
    );
    const source = { read: async () => stream() };
    await executeRun({ ...worker, files: source }, jobOf(started));
    const { message } = await expectEnd(started, 'finished');
    expect(message.parts).toContainEqual(
      expect.objectContaining({
        type: 'tool-shell',
        output: expect.objectContaining({ output: `${hash.digest('hex')}  -\n0\n` }),
      }),
    );
  });

  it('without a sandbox service is an error that says so, and the run goes on', async () => {
    const started = await harness.start({ turns: [shell('true'), done] });
    await executeRun({ ...worker, sandboxes: harness.worker.sandboxes }, jobOf(started));
    const { message } = await expectEnd(started, 'finished');
    expect(message.parts).toContainEqual(
      expect.objectContaining({ type: 'tool-shell', errorText: 'There is no sandbox here.' }),
    );
  });

  it('whose worker died has the rest of its time, and no more', async () => {
    const command = 'echo begun; sleep 600';
    const started = await start(
      { steps: [{ toolCall: { name: 'shell', arguments: { command, timeout_seconds: 4 } } }] },
      done,
    );
    const lock = new AbortController();
    const execution = executeRun(worker, jobOf(started, lock.signal));
    await untilSaid(started.run.id, 'begun');
    lock.abort(new LockLostError(started.run.id));
    await execution;
    await executeRun(worker, jobOf(started));
    const run = await readRun(harness.sql, harness.actor, started.run.id);
    const message = await storedMessage(harness, run);
    const call = message.parts.find(({ type }) => type === 'tool-shell');
    expect(call).toMatchObject({
      state: 'output-available',
      output: {
        exitCode: null,
        output: 'begun\n',
        timedOut: true,
        note: expect.stringContaining('after 4 s'),
      },
    });
  });

  it('has its effect at most once, wherever its worker dies', async () => {
    // The claim, the read, the open and the model's answer come before.
    let at = 4;
    for (; ; at += 1) {
      const marker = newId();
      const started = await start(
        {
          steps: [
            { toolCall: { name: 'shell', arguments: { command: `echo x >> ${marker}` } } },
            { toolCall: { name: 'write_file', arguments: { path: `${marker}.txt`, content: 'y\n' } } },
          ],
        },
        done,
      );
      const first = faultyWorker(worker, { at, when: 'after', how: 'dies' });
      const lock = new AbortController();
      const execution = executeRun(first.worker, jobOf(started, lock.signal)).catch(() => 'dead' as const);
      const hasDied = await Promise.race([first.faulted.then(() => true), execution.then(() => false)]);
      lock.abort(new LockLostError(started.run.id));
      await execution;
      if (hasDied) await executeRun(worker, jobOf(started));
      const run = await readRun(harness.sql, harness.actor, started.run.id);
      expect(run, `call ${at}`).toMatchObject({ status: 'completed', steps: 2 });
      // Everything that could be known was: both calls have their results, from the sandbox's own records.
      const message = await storedMessage(harness, run);
      const states = message.parts.flatMap((part) =>
        part.type === 'tool-shell' || part.type === 'tool-write_file' ? [part.state] : [],
      );
      expect(states, `call ${at}`).toEqual(['output-available', 'output-available']);
      expect(await linesOf(marker), `call ${at}`).toBe(1);
      expect(await linesOf(`${marker}.txt`), `call ${at}`).toBe(1);
      if (!hasDied) break;
    }
    expect(at).toBeGreaterThan(10);
  }, 240_000);
});
