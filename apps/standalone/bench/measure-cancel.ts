import path from 'node:path';
import { startGuardedProcess } from '@switchyard/stand-ins';
import { type Fleet, startFleet } from '../fleet/fleet.ts';

/** From the moment at which a stop is asked for, in ms, one for each round. */
export interface CancelTimes {
  /** To the end of the model's request, by the model's own log. */
  readonly speaking: { readonly switchyard: readonly number[]; readonly diy: readonly number[] };
  readonly silent: { readonly switchyard: readonly number[]; readonly diy: readonly number[] };
  /** To the last sign of life of a running command. */
  readonly command: readonly number[];
}

/** The clock of the model's log, and of `date` in the sandbox. */
const clock = () => performance.timeOrigin + performance.now();

/** Stops runs whose model speaks, whose model is silent, and whose command runs. */
export async function measureCancel({ rounds }: { readonly rounds: number }): Promise<CancelTimes> {
  const fleet = await startFleet({ gateways: 1, workers: 1 });
  const { model, redis } = fleet.services;
  const diy = await startDiy(model.url, redis.url).catch(async (error: unknown) => {
    await fleet.stop();
    throw error;
  });
  const times = {
    speaking: { switchyard: [], diy: [] },
    silent: { switchyard: [], diy: [] },
    command: [],
  } as {
    speaking: { switchyard: number[]; diy: number[] };
    silent: { switchyard: number[]; diy: number[] };
    command: number[];
  };
  try {
    model.setScenario('speaking', { turns: [{ steps: [{ repeat: 'word ', times: 400, delayMs: 20 }] }] });
    model.setScenario('silent', { turns: [{ steps: [{ text: 'Half a' }, { stall: true }] }] });
    model.setScenario('beating', {
      turns: [
        {
          steps: [
            {
              toolCall: {
                name: 'shell',
                arguments: { command: 'echo begun; while :; do date +%s%N > beat.txt; sleep 0.02; done' },
              },
            },
          ],
        },
      ],
    });
    for (let round = 0; round < rounds; round += 1) {
      for (const scenario of ['speaking', 'silent'] as const) {
        times[scenario].switchyard.push(await timeAbort(fleet, scenario, await startOurs(fleet, scenario)));
        times[scenario].diy.push(await timeAbort(fleet, scenario, await startTheirs(diy.url, scenario)));
      }
      if (round < 10) times.command.push(await timeCommand(fleet));
    }
    return times;
  } finally {
    await diy.stop();
    await fleet.stop();
  }
}

type Cancel = () => Promise<unknown>;

async function startOurs({ client }: Fleet, scenario: string): Promise<Cancel> {
  const { run } = await client.startRun({ input: `[[scenario:${scenario}]]` });
  for await (const { chunk } of client.followRun(run.id)) if (chunk.type === 'text-delta') break;
  return async () => {
    await client.cancel(run.id);
    await client.getRun(run.id, { waitMs: 30_000 });
  };
}

async function startTheirs(url: string, scenario: string): Promise<Cancel> {
  const response = await fetch(`${url}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: `[[scenario:${scenario}]]` }),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('text-delta')) {
    const { value, done } = (await reader?.read()) ?? { value: '', done: true };
    if (done) throw new Error(`The DIY server ended: ${text.slice(0, 500)}`);
    text += value;
  }
  return async () => {
    await fetch(`${url}/runs/${response.headers.get('x-run-id')}/cancel`, { method: 'POST' });
    while (!(await reader?.read())?.done);
  };
}

async function timeAbort({ services }: Fleet, scenario: string, cancel: Cancel): Promise<number> {
  const abortedAt = () =>
    services.model.requests.findLast((entry) => entry.scenario === scenario)?.abortedAt ?? null;
  const askedAt = clock();
  await cancel();
  const deadline = performance.now() + 10_000;
  while (abortedAt() === null && performance.now() < deadline)
    await new Promise((resolve) => setImmediate(resolve));
  return (abortedAt() ?? Infinity) - askedAt;
}

async function timeCommand({ client }: Fleet): Promise<number> {
  const { run } = await client.startRun({ input: '[[scenario:beating]]' });
  for await (const { chunk } of client.followRun(run.id))
    if (chunk.type === 'data-tool-output' && chunk.data.text.includes('begun')) break;
  const askedAt = clock();
  await client.cancel(run.id);
  await client.getRun(run.id, { waitMs: 30_000 });
  const beat = Number(new TextDecoder().decode(await client.readFile(run.projectId, 'beat.txt')));
  return Math.max(0, beat / 1e6 - askedAt);
}

async function startDiy(modelUrl: string, redisUrl: string): Promise<{ url: string; stop(): Promise<void> }> {
  const child = await startGuardedProcess({
    command: process.execPath,
    args: [path.join(import.meta.dirname, 'baselines/diy.ts'), modelUrl, redisUrl],
    environment: { PATH: process.env['PATH'] ?? '' },
    workingDirectory: import.meta.dirname,
    stopSignal: 'TERM',
  });
  const { url } = JSON.parse(await child.nextLine(/"msg":"ready"/)) as { url: string };
  return { url, stop: async () => await child.stop(5000) };
}
