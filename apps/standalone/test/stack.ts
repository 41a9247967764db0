import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Client, createClient } from '@switchyard/client';
import type { Run, StartRunRequest, StartRunResponse } from '@switchyard/protocol';
import { type WatchedAnswers, watchAnswers } from '@switchyard/protocol/test';
import type { Scenario } from '@switchyard/stand-ins';
import { type DevFile, readDevFile } from '../src/dev-file.ts';

/** The whole product as `npm start` starts it, in a data directory of its own. */
export interface Stack {
  readonly apiKey: string;
  readonly gatewayUrl: string;
  readonly supabaseUrl: string;
  /** Who may sign in. */
  readonly email: string;
  readonly password: string;
  readonly client: Client;
  /** The gateway's answers to this process; `stop` fails when one of them is not in its OpenAPI document. */
  readonly answers: WatchedAnswers;
  readonly workerPid: () => Promise<number>;
  readonly gatewayPid: () => Promise<number>;
  readonly startRun: (
    input: string,
    options?: Omit<StartRunRequest, 'input' | 'stream'>,
  ) => Promise<StartRunResponse>;
  readonly readRun: (runId: string) => Promise<Run>;
  /** The assistant's message of a run as the API shows it, or null before there is one. */
  readonly readAnswer: (run: Run) => Promise<unknown>;
  readonly readAnswerText: (run: Run) => Promise<string>;
  readonly setScenario: (name: string, scenario: Scenario) => Promise<void>;
  readonly modelRequests: (scenario: string) => Promise<readonly { abortedAt: string | null }[]>;
  readonly stop: () => Promise<void>;
}

const main = path.resolve(import.meta.dirname, '../src/main.ts');
/** Far above the second that a warm start takes: the cores are shared. */
const startDeadlineMs = 90_000;

export async function startStack(environment: Readonly<Record<string, string>> = {}): Promise<Stack> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-'));
  const launcher = spawn(process.execPath, [main, 'start', '--port', '0', '--data-dir', dataDir], {
    env: { ...process.env, SCRIPTED_MODEL_DELAY_MS: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (data: Buffer) => (output += data.toString());
  launcher.stdout.on('data', collect);
  launcher.stderr.on('data', collect);
  const ended = once(launcher, 'exit');

  async function requireDevFile(): Promise<DevFile> {
    const content = await readDevFile(dataDir);
    if (!content) throw new Error(`There is no running stack:\n${output}`);
    return content;
  }

  async function requirePid(name: 'worker' | 'gateway'): Promise<number> {
    const pid = (await requireDevFile()).pids[name];
    if (pid === null) throw new Error(`The ${name} has no pid.`);
    return pid;
  }

  const deadline = AbortSignal.timeout(startDeadlineMs);
  while (!output.includes('curl')) {
    if (launcher.exitCode !== null || deadline.aborted)
      throw new Error(`The stack did not start:\n${output}`);
    await Promise.race([once(launcher.stdout, 'data', { signal: deadline }), ended]).catch(() => undefined);
  }
  const { apiKey, gatewayUrl, supabaseUrl, email, password, scriptedModelUrl } = await requireDevFile();
  const client = createClient({ url: gatewayUrl, token: apiKey });
  const answers = await watchAnswers(gatewayUrl);

  async function askModel(target: string, init?: RequestInit): Promise<Response> {
    const response = await fetch(new URL(target, scriptedModelUrl ?? ''), init);
    if (!response.ok)
      throw new Error(`The scripted model answered ${response.status}: ${await response.text()}`);
    return response;
  }

  async function readAnswer(run: Run) {
    const { messages } = await client.messages(run.threadId);
    return messages.find(({ id }) => id === run.messageId) ?? null;
  }

  return {
    apiKey,
    gatewayUrl,
    supabaseUrl,
    email: email ?? '',
    password: password ?? '',
    client,
    answers,
    workerPid: () => requirePid('worker'),
    gatewayPid: () => requirePid('gateway'),
    startRun: (input, options = {}) => client.startRun({ input, ...options }),
    readRun: async (runId) => (await client.getRun(runId)).run,
    readAnswer,
    async readAnswerText(run) {
      const answer = await readAnswer(run);
      return (answer?.parts ?? []).map((part) => (part.type === 'text' ? part['text'] : '')).join('');
    },
    async setScenario(name, scenario) {
      await askModel(`/scenarios/${name}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(scenario),
      });
    },
    async modelRequests(scenario) {
      const response = await askModel(`/requests?scenario=${scenario}`);
      return ((await response.json()) as { requests: { abortedAt: string | null }[] }).requests;
    },
    async stop() {
      launcher.kill('SIGTERM');
      await ended;
      await rm(dataDir, { recursive: true, force: true });
      await answers.expectDocumented();
    },
  };
}
