import type { Samples } from './measure-attach.ts';
import { shortPrompt } from './prompts.ts';
import { timeRequest } from './request.ts';
import type { System } from './systems.ts';

/** POST → first byte and → first token, one after another, the systems in turns. Each stream is read to its end. */
export async function measureFirstToken(
  systems: readonly System[],
  { rounds, perRound }: { readonly rounds: number; readonly perRound: number },
): Promise<{ firstByte: Samples; firstToken: Samples }> {
  const firstByte = new Map(systems.map(({ name }) => [name, [] as number[]]));
  const firstToken = new Map(systems.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round += 1) {
    for (const system of systems) {
      for (let index = 0; index < perRound; index += 1) {
        const timing = await timeRequest(system.ask(shortPrompt), { until: 'end' });
        if (timing.tokenMs === Infinity)
          throw new Error(`${system.name} sent no token: ${timing.body.slice(0, 500)}`);
        // The round before the first warms up.
        if (round < 0) continue;
        firstByte.get(system.name)?.push(timing.firstByteMs);
        firstToken.get(system.name)?.push(timing.tokenMs);
      }
    }
  }
  return { firstByte, firstToken };
}
