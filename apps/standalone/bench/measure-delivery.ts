import { attachViewers } from './attach-viewers.ts';
import { holdRun, type Samples } from './measure-attach.ts';
import { firstToken, heldPrompt, talk, talkPrompt } from './prompts.ts';
import type { Server, Stack } from './stack.ts';
import { type System, systemsOf } from './systems.ts';

type Name = 'Switchyard' | 'DIY' | 'floor';
const names: readonly Name[] = ['Switchyard', 'DIY', 'floor'];

/**
 * From the model's mouth to each of many viewers of one run that says 50 tokens a second, in ms. Each system is a process
 * made for the round, and they take turns. It fails when one viewer lacks one token.
 */
export async function measureDelivery(
  stack: Stack,
  { viewers: count, rounds }: { readonly viewers: number; readonly rounds: number },
): Promise<Samples> {
  const delays = new Map<System['name'], number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      await withServer(stack, name, { isWeighed: false }, async (system) => {
        const { wanted, release } = await holdRun(system, { prompt: talkPrompt, tokens: 1 });
        const viewers = await attachViewers(wanted, { count, first: firstToken });
        // Long, since what a system cannot keep up with is late by a multiple of the time that the talk takes.
        const everyone = viewers.all(talk.tokens, 50 * talk.tokens * talk.everyMs);
        await fetch(`${stack.modelUrl}/talk`, { method: 'POST' });
        await everyone.catch((cause: unknown) => {
          throw new Error(`${name} did not bring every token to ${count} viewers.`, { cause });
        });
        viewers.close();
        release();
        for (const delay of viewers.delays) delays.get(name)?.push(delay);
      });
    }
  }
  return delays;
}

/** What that many viewers cost in memory while nothing is said, in bytes for each of them. */
export async function measureMemory(
  stack: Stack,
  { viewers: count }: { readonly viewers: number },
): Promise<Samples> {
  const bytes = new Map<System['name'], number[]>();
  for (const name of names) {
    await withServer(stack, name, { isWeighed: true }, async (system, server) => {
      const { wanted, release } = await holdRun(system, { prompt: heldPrompt, tokens: 20 });
      const before = await server.memoryBytes();
      const viewers = await attachViewers(wanted, { count, first: firstToken });
      bytes.set(name, [((await server.memoryBytes()) - before) / count]);
      viewers.close();
      release();
    });
  }
  return bytes;
}

async function withServer(
  stack: Stack,
  name: Name,
  options: { readonly isWeighed: boolean },
  measure: (system: System, server: Server) => Promise<void>,
): Promise<void> {
  const server = await stack.startServer(name, options);
  try {
    const own = systemsOf({ ...stack, gatewayUrl: server.url, diyUrl: server.url, floorUrl: server.url });
    await measure({ Switchyard: own.switchyard, DIY: own.diy, floor: own.floor }[name], server);
  } finally {
    await server.stop();
  }
}
