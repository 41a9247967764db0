import { Agent, request } from 'node:http';
import { firstToken, heldPrompt } from './prompts.ts';
import { type StreamRequest, timeRequest } from './request.ts';
import type { System } from './systems.ts';

/** Times in ms, by system. */
export type Samples = ReadonlyMap<System['name'], number[]>;

/**
 * GET attach → first byte, one viewer after another, at a run whose model has said twenty tokens and is silent. The
 * systems take turns, so that what else the machine does falls on all of them.
 */
export async function measureAttach(
  systems: readonly System[],
  { rounds, perRound }: { readonly rounds: number; readonly perRound: number },
): Promise<Samples> {
  // All twenty: what a viewer then gets is the log alone.
  const wish = { prompt: heldPrompt, tokens: 20 };
  const held = await Promise.all(
    systems.map(async (system) => ({ system, ...(await holdRun(system, wish)) })),
  );
  const firstByte = new Map(systems.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round += 1) {
    for (const { system, wanted } of held) {
      for (let index = 0; index < perRound; index += 1) {
        // To the token: a first byte without the log behind it would be no attach.
        const timing = await timeRequest(wanted, { until: 'token' });
        // The round before the first warms up.
        if (round < 0) continue;
        firstByte.get(system.name)?.push(timing.firstByteMs);
      }
    }
  }
  for (const { release } of held) release();
  return firstByte;
}

/**
 * Starts a run that stays open, and keeps its own stream open until it is released. Resolves when that has shown so many
 * tokens and others can attach to it.
 */
export async function holdRun(
  system: System,
  { prompt, tokens }: { readonly prompt: string; readonly tokens: number },
): Promise<{ readonly wanted: StreamRequest; readonly release: () => void }> {
  const { method, url, headers, body } = system.ask(prompt);
  const started = await new Promise<{ runId: string; release: () => void }>((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: new Agent() }, (response) => {
      const runId = String(response.headers['x-run-id'] ?? '');
      let text = '';
      response.on('error', () => undefined);
      response.on('data', (data: Buffer) => {
        if (text.split(firstToken).length > tokens) return;
        text += data.toString('latin1');
        if (text.split(firstToken).length > tokens) resolve({ runId, release: () => outgoing.destroy() });
      });
      if (response.statusCode !== 200) reject(new Error(`${system.name}: status ${response.statusCode}`));
    });
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`${system.name} said nothing in 20 s`)),
      20_000,
    );
    timer.unref();
    outgoing.on('error', reject);
    outgoing.end(body);
  });
  const wanted = system.attach(started.runId);
  if (!wanted) throw new Error(`${system.name} cannot be attached to.`);
  await untilAttachable(wanted);
  return { wanted, release: started.release };
}

/** A run that speaks already may not be known to all parts of its system yet. */
async function untilAttachable({ url, headers }: StreamRequest): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch(url, { headers });
    await answer.body?.cancel();
    if (answer.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} cannot be attached to.`);
}
