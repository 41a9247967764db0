import { Agent, request } from 'node:http';
import { firstToken, heldPrompt } from './prompts.ts';
import { timeRequest } from './request.ts';
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
  const held = await Promise.all(systems.map(async (system) => ({ system, ...(await holdRun(system)) })));
  const firstByte = new Map(systems.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round += 1) {
    for (const { system, runId } of held) {
      const wanted = system.attach(runId);
      if (!wanted) continue;
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

/** Starts a run that stays open, and keeps its own stream open until it is released. */
async function holdRun(system: System): Promise<{ runId: string; release: () => void }> {
  const { method, url, headers, body } = system.ask(heldPrompt);
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: new Agent() }, (response) => {
      const runId = String(response.headers['x-run-id'] ?? '');
      let text = '';
      response.on('error', () => undefined);
      response.on('data', (data: Buffer) => {
        text += data.toString('latin1');
        // All twenty: what a viewer then gets is the log alone.
        if (text.split(firstToken).length > 20) resolve({ runId, release: () => outgoing.destroy() });
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
}
