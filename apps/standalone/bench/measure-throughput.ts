import { accountCount as concurrency, shortPrompt } from './prompts.ts';
import { timeRequest } from './request.ts';
import type { System } from './systems.ts';

/** One-token runs a second, each stream read to its end; the best of its rounds would flatter, so all rounds count. */
export async function measureThroughput(
  systems: readonly System[],
  {
    rounds,
    seconds,
    skeletonUrl,
  }: { readonly rounds: number; readonly seconds: number; readonly skeletonUrl: string },
): Promise<ReadonlyMap<System['name'] | 'skeleton', number[]>> {
  const rates = new Map<System['name'] | 'skeleton', number[]>([['skeleton', []]]);
  for (const { name } of systems) rates.set(name, []);
  for (let round = -1; round < rounds; round += 1) {
    // The round before the first warms up: compiled code and plans come within some thousand runs.
    for (const system of systems) {
      const rate = await rateOf(system, seconds);
      if (round >= 0) rates.get(system.name)?.push(rate);
    }
    const answer = await fetch(`${skeletonUrl}/runs`, {
      method: 'POST',
      body: JSON.stringify({ seconds, concurrency }),
      signal: AbortSignal.timeout((seconds + 20) * 1000),
    });
    const { runs, seconds: took } = (await answer.json()) as { runs: number; seconds: number };
    if (round >= 0) rates.get('skeleton')?.push(runs / took);
  }
  return rates;
}

async function rateOf(system: System, seconds: number): Promise<number> {
  const startedAt = performance.now();
  let runs = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async (_, account) => {
      while (performance.now() - startedAt < seconds * 1000) {
        const { tokenMs, body } = await timeRequest(system.ask(shortPrompt, account), { until: 'end' });
        if (tokenMs === Infinity || !body.includes('[DONE]')) {
          throw new Error(`${system.name} cut a stream: ${body.slice(0, 500)}`);
        }
        runs += 1;
      }
    }),
  );
  return runs / ((performance.now() - startedAt) / 1000);
}

/** Times of the statement that starts a run, alone and one after another, in ms. */
export async function measureCommits(skeletonUrl: string, count: number): Promise<number[]> {
  const answer = await fetch(`${skeletonUrl}/commits`, {
    method: 'POST',
    body: JSON.stringify({ count }),
    signal: AbortSignal.timeout(60_000),
  });
  const { times } = (await answer.json()) as { times: number[] };
  return times;
}
