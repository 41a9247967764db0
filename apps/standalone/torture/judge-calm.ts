import { setTimeout as delay } from 'node:timers/promises';
import type { Violation } from './evidence.ts';
import { patiently } from './patiently.ts';
import type { World } from './world.ts';

/** What still goes on when the last run has ended has this long to let go. */
const calmMs = 60_000;
const everyMs = 250;

/** What a fleet whose runs have all ended still holds; asked again until it holds nothing, or for a minute. */
export async function judgeCalm(world: World): Promise<Violation[]> {
  const deadline = performance.now() + calmMs;
  for (;;) {
    const held = await heldBy(world);
    if (held.length === 0) return [];
    if (performance.now() > deadline) return held.map((words) => ({ kind: 'stuck', count: 1, words }));
    await delay(everyMs);
  }
}

async function heldBy({ fleet }: World): Promise<string[]> {
  const { sql, model } = fleet.services;
  const held: string[] = [];
  const [counts] = await patiently(
    () => sql<{ runs: string; usage: string }[]>`
      select (select count(*) from runs where ended_at is null) as runs,
        (select count(*) from usage where settled_at is null) as usage`,
  );
  if (counts?.runs !== '0') held.push(`${counts?.runs} runs have not ended`);
  if (counts?.usage !== '0') held.push(`${counts?.usage} usage rows are open`);
  const open = model.requests.filter(({ endedAt, abortedAt }) => endedAt === null && abortedAt === null);
  if (open.length > 0) held.push(`${open.length} requests of the model go on`);
  for (const { name, adminUrl } of fleet.workers) {
    const response = await fetch(`${adminUrl}/status`);
    const { activeRuns } = (await response.json()) as { activeRuns: number };
    if (activeRuns > 0) held.push(`${name} holds ${activeRuns} runs`);
  }
  return held;
}
