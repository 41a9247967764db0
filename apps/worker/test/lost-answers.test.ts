import { createToolset } from '@switchyard/agent';
import { LockLostError, readRunLog } from '@switchyard/bus';
import { newId } from '@switchyard/protocol';
import { createSandboxes, type Sandbox, type Sandboxes } from '@switchyard/sandbox';
import { type Fault, type FaultyService, startFaultyService } from '@switchyard/sandbox/test';
import type { Scenario } from '@switchyard/stand-ins';
import { readRun, requestCancel, type StartedRun } from '@switchyard/store';
import { allTools } from '@switchyard/tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { executeRun } from '../src/execute-run.ts';
import type { Worker } from '../src/worker.ts';
import { type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { type SandboxHostProcess, startSandboxHost } from './sandbox-host.ts';

/** What a call comes to when its effect has begun and the line to its sandbox fails. */

let harness: Harness;
let host: SandboxHostProcess;
let line: FaultyService;
let sandboxes: Sandboxes;
let worker: Worker;
let projectId: string;
let sandbox: Sandbox;
const never = new AbortController().signal;
/** As often as one request is tried. */
const attempts = 4;

beforeAll(async () => {
  [harness, host] = await Promise.all([startHarness([]), startSandboxHost()]);
  line = await startFaultyService(host.url);
  sandboxes = createSandboxes({ apiUrl: line.url, apiKey: host.apiKey });
  worker = { ...harness.worker, tools: createToolset(allTools), sandboxes };
  const first = await harness.start({ turns: [shell('true'), { steps: [{ text: 'ok' }] }] });
  projectId = first.project.id;
  await executeRun(worker, jobOf(first));
  sandbox = await host.sandboxes.open({ projectId, sandboxId: null, signal: never });
});
beforeEach(() => line.mend());
afterAll(async () => {
  await sandboxes?.close();
  await line?.stop();
  await harness?.stop();
  await host?.stop();
});

function turn(name: string, input: Readonly<Record<string, unknown>>): Scenario['turns'][number] {
  return { steps: [{ toolCall: { name, arguments: input } }] };
}

const shell = (command: string) => turn('shell', { command });

async function start(...turns: Scenario['turns']): Promise<StartedRun> {
  const done = turn('complete', { summary: 'Done.' });
  return await harness.start({ turns: [...turns, done] }, { projectId });
}

/** The first call of the run as it is stored, and what the ledger says of it. */
async function callOf({ run: { id } }: StartedRun) {
  const run = await readRun(harness.sql, harness.actor, id);
  const { parts } = await storedMessage(harness, run);
  const call = parts.find((part) => 'toolCallId' in part);
  if (!call || !('toolCallId' in call)) throw new Error('the run has no call');
  const [row] = await harness.sql<{ ledger: string }[]>`
    select ledger from parts where call_id = ${call.toolCallId}`;
  return { run, call, ledger: row?.ledger };
}

async function contentOf(file: string): Promise<string | null> {
  if ((await sandbox.stat(file, { signal: never })) === null) return null;
  return Buffer.from((await sandbox.readFile(file, { signal: never })).bytes).toString();
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

/** The fault for the first requests, whatever they ask for. */
function failNext(times: number, fault: Fault): void {
  let left = times;
  line.onRequest(() => (left-- > 0 ? fault : null));
}

/** The fault for the first requests that bring this text into the sandbox. */
function failThose(text: string, times: number, fault: Fault): void {
  let left = times;
  line.onRequest(({ path, body }) => {
    if (!path.endsWith('/process/execute') || !String(body?.['command']).includes(text)) return null;
    return left-- > 0 ? fault : null;
  });
}

describe('a call whose sandbox cannot be reached after it has begun', () => {
  it('is followed to its end when the sandbox is back, and its own result is told', async () => {
    const marker = newId();
    const started = await start(shell(`echo once >> ${marker}; echo begun; sleep 3; cat ${marker}`));
    const execution = executeRun(worker, jobOf(started));
    await untilSaid(started.run.id, 'begun');
    failNext(3 * attempts, { kind: 'cut' });
    expect(await execution).toBe('done');
    expect(await callOf(started)).toMatchObject({
      run: { reason: 'finished' },
      call: { state: 'output-available', output: { exitCode: 0, output: 'begun\nonce\n' } },
      ledger: 'done',
    });
    expect(await contentOf(marker)).toBe('once\n');
  });

  it('is not started again when no answer of its start has come', async () => {
    const marker = newId();
    failThose(marker, attempts, { kind: 'lose-answer' });
    const started = await start(shell(`echo once >> ${marker}; cat ${marker}`));
    expect(await executeRun(worker, jobOf(started))).toBe('done');
    expect(await callOf(started)).toMatchObject({
      call: { state: 'output-available', output: { exitCode: 0, output: 'once\n' } },
      ledger: 'done',
    });
    expect(await contentOf(marker)).toBe('once\n');
  });

  it('has its own result when it changed a file', async () => {
    const path = newId();
    await sandbox.writeFile({ path, bytes: Buffer.from('one'), signal: never });
    failThose(Buffer.from('two').toString('base64'), attempts, { kind: 'lose-answer' });
    const change = { path, old_str: 'one', new_str: 'two' };
    const started = await start(turn('read_file', { path }), turn('str_replace', change));
    expect(await executeRun(worker, jobOf(started))).toBe('done');
    const run = await readRun(harness.sql, harness.actor, started.run.id);
    const { parts } = await storedMessage(harness, run);
    expect(parts).toContainEqual(
      expect.objectContaining({ type: 'tool-str_replace', state: 'output-available' }),
    );
    expect(await contentOf(path)).toBe('two');
  });

  it('is told as not done when it never began, and cannot begin any more', async () => {
    const marker = newId();
    failThose(marker, attempts, { kind: 'cut' });
    const started = await start(shell(`echo late >> ${marker}`));
    expect(await executeRun(worker, jobOf(started))).toBe('done');
    expect(await callOf(started)).toMatchObject({
      call: { state: 'output-error', errorText: expect.stringContaining('Nothing was done.') },
      ledger: 'done',
    });
    // As a request that was on its way all the time.
    const late = line.seen.find(({ body }) => String(body?.['command']).includes(marker));
    if (!late) throw new Error('the start was not seen');
    const answer = await fetch(new URL(late.path, host.url), {
      method: late.method,
      headers: { authorization: `Bearer ${host.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(late.body),
    });
    expect(await answer.text()).toContain('SY1 taken');
    expect(await contentOf(marker)).toBeNull();
  });

  it('is told as unknown when the sandbox was started anew meanwhile', async () => {
    const marker = newId();
    const started = await start(shell(`echo once >> ${marker}; echo begun; sleep 600`));
    const execution = executeRun(worker, jobOf(started));
    await untilSaid(started.run.id, 'begun');
    const headers = { authorization: `Bearer ${host.apiKey}` };
    await fetch(`${host.url}/sandbox/${sandbox.id}/stop`, { method: 'POST', headers });
    expect(await execution).toBe('done');
    expect(await callOf(started)).toMatchObject({
      run: { reason: 'finished' },
      call: { state: 'output-error', errorText: 'Interrupted; outcome unknown; inspect before repeating.' },
      ledger: 'unknown',
    });
    sandbox = await host.sandboxes.open({ projectId, sandboxId: null, signal: never });
    expect(await contentOf(marker)).toBe('once\n');
  });

  it('is found by the next worker, which waits for the sandbox, too', async () => {
    const marker = newId();
    const started = await start(shell(`echo once >> ${marker}; echo begun; sleep 2; cat ${marker}`));
    const lock = new AbortController();
    const execution = executeRun(worker, jobOf(started, lock.signal));
    await untilSaid(started.run.id, 'begun');
    lock.abort(new LockLostError(started.run.id));
    await execution;
    failNext(5 * attempts, { kind: 'cut' });
    expect(await executeRun(worker, jobOf(started))).toBe('done');
    expect(await callOf(started)).toMatchObject({
      call: { state: 'output-available', output: { exitCode: 0, output: 'begun\nonce\n' } },
      ledger: 'done',
    });
    expect(await contentOf(marker)).toBe('once\n');
  });

  it('is cancelled while nobody can reach it', async () => {
    const started = await start(shell('echo begun; sleep 5; : away'));
    const execution = executeRun(worker, jobOf(started));
    await untilSaid(started.run.id, 'begun');
    const asked = line.seen.length;
    failNext(Number.POSITIVE_INFINITY, { kind: 'cut' });
    await vi.waitFor(() => expect(line.seen.length).toBeGreaterThan(asked + 2 * attempts), {
      timeout: 20_000,
    });
    await requestCancel(harness.sql, harness.actor, started.run.id);
    await harness.control.publish(started.run.id, { type: 'cancel' });
    expect(await execution).toBe('done');
    expect(await callOf(started)).toMatchObject({ run: { reason: 'cancelled' } });
  });
});
