import type { Run } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import type { Frame } from '../fleet/frames.ts';
import { expectWhole } from './expect-whole.ts';
import { checkOut, findParent, type Release } from './parent-release.ts';
import { viewReconnecting } from './viewer.ts';

const parent = await findParent();
if (parent === null)
  process.stderr.write('SKIPPED: adjacent releases. This clone does not have the commit before this one.\n');

/** A run that reads, asks, acts and speaks: what gateway and worker tell each other stands in all of it. */
const script = {
  turns: [
    {
      steps: [
        { text: 'Let me look.' },
        { toolCall: { name: 'list_files', arguments: { path: '.' } } },
        { toolCall: { name: 'shell', arguments: { command: 'echo once >> marks.txt', consent: 'May I?' } } },
      ],
    },
    { steps: [{ repeat: 'word ', times: 60, delayMs: 50 }] },
  ],
};

describe.skipIf(parent === null)('this release and the one before it, on one database', () => {
  let release: Release;
  let fleet: Fleet;
  beforeAll(async () => {
    // Migrations come first in a deployment: the release before must live with what this one made of the schema.
    [release, fleet] = await Promise.all([checkOut(parent ?? ''), startFleet({ gateways: 0, workers: 0 })]);
    fleet.services.model.setScenario('whole', script);
  }, 240_000);
  afterAll(async () => {
    await fleet.stop();
    await release.remove();
  }, 60_000);

  const before = () => ({ checkout: release.folder });

  async function clear(): Promise<void> {
    for (const member of [...fleet.gateways, ...fleet.workers]) await fleet.remove(member, 'SIGTERM');
  }

  /** Starts a run and answers what it asks as soon as it asks. */
  async function startAndAgree(): Promise<{ run: Run; streamUrl: string }> {
    const { run, streamUrl } = await fleet.client.startRun({ input: '[[scenario:whole]]' });
    for await (const { chunk } of fleet.client.followRun(run.id)) {
      if (chunk.type !== 'tool-approval-request') continue;
      await fleet.client.approve(run.id, chunk.approvalId, { approved: true });
      break;
    }
    return { run, streamUrl };
  }

  async function expectRight(run: Run, frames: readonly Frame[]): Promise<void> {
    await expectWhole(fleet, run, frames);
    const marks = await fleet.client.readFile(run.projectId, 'marks.txt');
    expect(new TextDecoder().decode(marks)).toBe('once\n');
  }

  it.each([
    { name: 'the worker before, the gateway of now', gateway: false, worker: true },
    { name: 'the gateway before, the worker of now', gateway: true, worker: false },
  ])(
    '$name: a run is seen whole, and another is stopped',
    async ({ gateway, worker }) => {
      await clear();
      await fleet.addGateway(gateway ? before() : {});
      await fleet.addWorker(worker ? before() : {});
      const { run, streamUrl } = await startAndAgree();
      await expectRight(
        run,
        await viewReconnecting({ url: streamUrl, token: fleet.apiKey, eventsAtOnce: 20 }),
      );

      const { run: stopped } = await fleet.client.startRun({ input: '[[scenario:whole]]' });
      await expect.poll(async () => (await fleet.client.getRun(stopped.id)).run.status).not.toBe('queued');
      await fleet.client.cancel(stopped.id);
      expect((await fleet.client.getRun(stopped.id, { waitMs: 20_000 })).run.status).toBe('cancelled');
    },
    60_000,
  );

  it.each([
    { name: 'forward', first: true, second: false },
    { name: 'back', first: false, second: true },
  ])(
    'a run that is under way is carried $name, by a worker that leaves and by one that dies',
    async ({ first, second }) => {
      await clear();
      await fleet.addGateway(second ? before() : {});
      await fleet.addGateway(first ? before() : {});
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const leaving = await fleet.addWorker({ ...(first ? before() : {}), environment: { DRAIN_MS: '0' } });
        for (const worker of fleet.workers.filter((other) => other !== leaving))
          await fleet.remove(worker, 'SIGTERM');
        const asked = () => fleet.services.model.requests.filter(({ turn }) => turn === 1).length;
        const askedBefore = asked();
        const { run, streamUrl } = await startAndAgree();
        const viewing = viewReconnecting({ url: streamUrl, token: fleet.apiKey, eventsAtOnce: 20 });
        await expect.poll(asked, { timeout: 20_000 }).toBe(askedBefore + 1);
        await fleet.addWorker(second ? before() : {});
        await fleet.remove(leaving, signal);
        await expectRight(run, await viewing);
      }
    },
    90_000,
  );
});
