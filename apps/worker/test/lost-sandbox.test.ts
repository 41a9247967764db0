import { createToolset, defineTool, lostSandboxText } from '@switchyard/agent';
import { AppError } from '@switchyard/protocol';
import { createSandboxes, type Sandboxes } from '@switchyard/sandbox';
import type { Scenario } from '@switchyard/stand-ins';
import { createFile, createSandboxRecords, readRun, type StartedRun } from '@switchyard/store';
import { allTools } from '@switchyard/tools';
import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { executeRun } from '../src/execute-run.ts';
import type { Worker } from '../src/worker.ts';
import { type Harness, jobOf, startHarness, storedMessage } from './harness.ts';
import { type SandboxHostProcess, startSandboxHost } from './sandbox-host.ts';

let harness: Harness;
let host: SandboxHostProcess;
let sandboxes: Sandboxes;
let worker: Worker;

/** Takes the sandbox of the run's project away, as an operator or a broken machine would. */
const loseSandbox = defineTool({
  name: 'lose_sandbox',
  description: 'For tests.',
  inputSchema: z.object({ project: z.string() }),
  effect: 'once',
  needs: 'outside',
  async execute({ project }) {
    await lose(project);
    return { outcome: 'ok', output: 'lost' };
  },
});

beforeAll(async () => {
  [harness, host] = await Promise.all([startHarness([]), startSandboxHost()]);
  const records = createSandboxRecords(harness.sql, { maxRunningPerAccount: 50 });
  sandboxes = createSandboxes({ apiUrl: host.url, apiKey: host.apiKey, records });
  worker = { ...harness.worker, sandboxes, tools: createToolset([...allTools, loseSandbox]) };
});
afterAll(async () => {
  await sandboxes?.close();
  await harness?.stop();
  await host?.stop();
});

async function lose(projectId: string): Promise<void> {
  const headers = { authorization: `Bearer ${host.apiKey}` };
  const found = await fetch(`${host.url}/sandbox/switchyard-${projectId}`, { headers });
  const { id } = (await found.json()) as { id: string };
  await fetch(`${host.url}/sandbox/${id}`, { method: 'DELETE', headers });
}

const call = (name: string, input: Record<string, unknown>): Scenario['turns'][number]['steps'][number] => ({
  toolCall: { name, arguments: input },
});
const shell = (command: string) => call('shell', { command });
const turn = (...steps: Scenario['turns'][number]['steps']): Scenario['turns'][number] => ({ steps });
const done = turn(call('complete', { summary: 'Done.' }));

/** What each call of the run came to: its output, or the error. */
async function answerOf({ run }: StartedRun) {
  return await storedMessage(harness, await readRun(harness.sql, harness.actor, run.id));
}

async function resultsOf(started: StartedRun): Promise<unknown[]> {
  expect(await executeRun(worker, jobOf(started))).toBe('done');
  const run = await readRun(harness.sql, harness.actor, started.run.id);
  expect(run).toMatchObject({ reason: 'finished' });
  const { parts } = await storedMessage(harness, run);
  return parts.flatMap((part) => {
    if (!('toolCallId' in part) || part.type === 'tool-complete') return [];
    if (part.state === 'output-error') return [part.errorText];
    const output = part.state === 'output-available' ? part.output : null;
    return [typeof output === 'object' && output && 'output' in output ? output.output : output];
  });
}

describe('a sandbox that was lost', () => {
  it('is told of to the model before a call runs in the new one, once, and the files it has are told', async () => {
    const text = 'attached\n';
    const first = await harness.start({ turns: [turn(shell('echo mine > file')), done] });
    await resultsOf(first);
    const { project, thread } = first;
    const { id } = await createFile(harness.sql, harness.actor, {
      projectId: project.id,
      name: 'a.txt',
      mediaType: 'text/plain',
      size: text.length,
      objectKey: crypto.randomUUID(),
    });
    worker = { ...worker, files: { read: async () => new Blob([text]).stream() } };
    await lose(project.id);
    const turns = [turn(shell('echo again >> file')), turn(shell('cat file uploads/a.txt')), done];
    const second = await harness.start({ turns }, { threadId: thread.id, files: [id] as never });
    expect(await resultsOf(second)).toEqual([
      lostSandboxText([]),
      `cat: file: No such file or directory\n${text}`,
    ]);
    const third = await harness.start({ turns: [turn(shell('ls uploads')), done] }, { threadId: thread.id });
    expect(await resultsOf(third)).toEqual(['a.txt\n']);
  });

  it('is told of in words that say what is gone and what to do', () => {
    expect(lostSandboxText([])).toMatchInlineSnapshot(
      `"Not run: the sandbox of this project was lost and had to be made anew. The workspace is empty but for the files that the user attached, which are there again. Whatever else was written, installed or started before is gone. Look at what is there and make again what you need; then call again."`,
    );
  });

  it('is told of together with the attached files that the new one lacks, and nothing is refused for them again', async () => {
    const first = await harness.start({ turns: [turn(shell('true')), done] });
    await resultsOf(first);
    const { id } = await createFile(harness.sql, harness.actor, {
      projectId: first.project.id,
      name: 'a.txt',
      mediaType: 'text/plain',
      size: 4,
      objectKey: crypto.randomUUID(),
    });
    worker = {
      ...worker,
      files: { read: () => Promise.reject(new AppError('not_found', 'The file does not exist.')) },
    };
    await lose(first.project.id);
    const turns = [turn(shell('true')), turn(shell('echo here')), done];
    const second = await harness.start({ turns }, { threadId: first.thread.id, files: [id] as never });
    expect(await resultsOf(second)).toEqual([
      lostSandboxText(['"a.txt" to /workspace/uploads/a.txt: The file does not exist.']),
      'here\n',
    ]);
    expect(lostSandboxText(['"a" to /b: Why.'])).toMatchInlineSnapshot(
      `"Not run: the sandbox of this project was lost and had to be made anew. The workspace is empty but for the files that the user attached, of which some could not be copied again. "a" to /b: Why. Whatever else was written, installed or started before is gone. Look at what is there and make again what you need; then call again."`,
    );
  });

  it('is told of in every thread that had used it, and in no other', async () => {
    const first = await harness.start({ turns: [turn(shell('true')), done] });
    await resultsOf(first);
    const projectId = first.project.id;
    const other = await harness.start({ turns: [turn(shell('true')), done] }, { projectId });
    await resultsOf(other);
    await lose(projectId);
    const turns = [turn(shell('echo here')), turn(shell('echo here')), done];
    const threadId = first.thread.id;
    expect(await resultsOf(await harness.start({ turns }, { threadId }))).toEqual([
      lostSandboxText([]),
      'here\n',
    ]);
    const untold = await harness.start({ turns }, { projectId });
    expect(await resultsOf(untold)).toEqual(['here\n', 'here\n']);
    const told = await harness.start({ turns }, { threadId: other.thread.id });
    expect(await resultsOf(told)).toEqual([lostSandboxText([]), 'here\n']);
  });

  it('is told of to a run that is in the middle of using it, when it uses it next', async () => {
    const first = await harness.start({ turns: [turn(shell('true')), done] });
    await resultsOf(first);
    const turns = [
      turn(shell('echo mine > file')),
      turn(call('lose_sandbox', { project: first.project.id })),
      // The first finds nobody there; the next opens the sandbox anew.
      turn(call('read_file', { path: 'file' })),
      turn(shell('cat file')),
      turn(shell('echo here')),
      done,
    ];
    const results = await resultsOf(await harness.start({ turns }, { threadId: first.thread.id }));
    expect(results.slice(0, 2)).toEqual(['', 'lost']);
    expect(results.slice(2)).toEqual(['The sandbox has stopped.', lostSandboxText([]), 'here\n']);
  });

  it('is not told of to who has never had one, nor after a mere restart, of which it is told in passing', async () => {
    const turns = [turn(shell('echo here')), done];
    const first = await harness.start({ turns });
    expect(await resultsOf(first)).toEqual(['here\n']);
    const sandbox = await sandboxes.open({
      projectId: first.project.id,
      sandboxId: null,
      signal: new AbortController().signal,
    });
    const headers = { authorization: `Bearer ${host.apiKey}` };
    await fetch(`${host.url}/sandbox/${sandbox.id}/stop`, { method: 'POST', headers });
    const next = await harness.start({ turns }, { threadId: first.thread.id });
    expect(await resultsOf(next)).toEqual(['here\n']);
    const said = 'The sandbox was started anew since this conversation used it last';
    expect(JSON.stringify(await answerOf(next))).toContain(said);
    const after = await harness.start({ turns }, { threadId: first.thread.id });
    expect(await resultsOf(after)).toEqual(['here\n']);
    expect(JSON.stringify(await answerOf(after))).not.toContain(said);
  });
});
