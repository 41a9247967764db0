import { requestCancel, resolveApiKey } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { expectWhole } from './expect-whole.ts';
import { view, viewReconnecting } from './viewer.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ gateways: 1, workers: 1 });
}, 120_000);
afterAll(() => fleet.stop(), 60_000);

const cancelled = { status: 'cancelled', reason: 'cancelled' } as const;
const follow = (url: string) => viewReconnecting({ url, token: fleet.apiKey, eventsAtOnce: 100 });
const typesOf = (frames: readonly { readonly data: string }[]) =>
  frames.map(({ data }) => (JSON.parse(data) as { type: string }).type);

describe('a stop', () => {
  it('of which nobody tells the worker is seen by it all the same, though the model is silent', async () => {
    fleet.services.model.setScenario('silent', { turns: [{ steps: [{ text: 'Half a' }, { stall: true }] }] });
    const { run, streamUrl } = await fleet.client.startRun({ input: '[[scenario:silent]]' });
    const viewing = follow(streamUrl);
    const requests = () => fleet.services.model.requests.filter(({ scenario }) => scenario === 'silent');
    await expect.poll(() => requests()[0]?.chunks ?? 0, { timeout: 20_000 }).toBeGreaterThan(0);
    // What a gateway does that dies before it tells anybody.
    const actor = await resolveApiKey(fleet.services.sql, fleet.apiKey);
    if (!actor) throw new Error('The key is unknown.');
    await requestCancel(fleet.services.sql, actor, run.id);

    const frames = await viewing;
    await expectWhole(fleet, run, frames, cancelled);
    expect(typesOf(frames).at(-1)).toBe('abort');
    await expect.poll(() => requests()[0]?.abortedAt ?? null).not.toBeNull();
  }, 60_000);

  it('of a run that no worker has taken yet ends it, and costs nothing', async () => {
    fleet.services.model.setScenario('harmless', { turns: [{ steps: [{ text: 'Here.' }] }] });
    const [worker] = fleet.workers;
    if (!worker) throw new Error('There is no worker.');
    worker.signal('SIGSTOP');
    try {
      const { run, streamUrl } = await fleet.client.startRun({ input: '[[scenario:silent]] again' });
      const receipts = await Promise.all([fleet.client.cancel(run.id), fleet.client.cancel(run.id)]);
      expect(receipts.map((receipt) => receipt.run.status)).toEqual(['cancelled', 'cancelled']);
      const { frames } = await view({ url: streamUrl, token: fleet.apiKey });
      expect(typesOf(frames)).toEqual(['start', 'message-metadata', 'abort']);
      const { run: ended } = await fleet.client.getRun(run.id);
      expect(ended).toMatchObject({ ...cancelled, usage: { totalTokens: 0 } });
    } finally {
      worker.signal('SIGCONT');
    }
    const { run } = await fleet.client.startRun({ input: '[[scenario:harmless]]' });
    expect((await fleet.client.getRun(run.id, { waitMs: 60_000 })).run.status).toBe('completed');
  }, 90_000);

  it('that races the end of its run loses or wins, and everybody is told the same', async () => {
    fleet.services.model.setScenario('quick', {
      turns: [{ steps: [{ repeat: 'word ', times: 10, delayMs: 5 }] }],
    });
    const outcomes = { cancelled: 0, completed: 0 };
    for (let round = 0; round < 30; round += 1) {
      const { run, streamUrl } = await fleet.client.startRun({ input: '[[scenario:quick]]' });
      const viewing = follow(streamUrl);
      // Later from round to round: the first ones come with the model's first word, the last ones with its end.
      let deltas = 0;
      for await (const { chunk } of fleet.client.followRun(run.id)) {
        if (chunk.type === 'text-delta') deltas += 1;
        if (deltas > round / 3 || chunk.type === 'finish-step') break;
      }
      await Promise.all([fleet.client.cancel(run.id), fleet.client.cancel(run.id)]);
      const { run: ended } = await fleet.client.getRun(run.id, { waitMs: 30_000 });
      expect(['completed', 'cancelled']).toContain(ended.status);
      const frames = await viewing;
      await expectWhole(fleet, run, frames, { status: ended.status, reason: ended.reason });
      expect(typesOf(frames).at(-1)).toBe(ended.status === 'completed' ? 'finish' : 'abort');
      outcomes[ended.status as keyof typeof outcomes] += 1;
    }
    process.stderr.write(`30 stops that raced the end: ${JSON.stringify(outcomes)}\n`);
    // Else nothing raced.
    expect(Math.min(outcomes.cancelled, outcomes.completed)).toBeGreaterThan(0);
    const [usage] = await fleet.services.sql<{ open: string }[]>`
      select count(*) filter (where settled_at is null) as open from usage`;
    expect(usage?.open).toBe('0');
  }, 120_000);
});
