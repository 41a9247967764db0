import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from '../fleet/fleet.ts';
import { expectWhole } from './expect-whole.ts';
import { viewReconnecting } from './viewer.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ gateways: 1, workers: 1 });
}, 120_000);
afterAll(() => fleet.stop(), 60_000);

const asked = (scenario: string, turn: number) =>
  fleet.services.model.requests.filter((request) => request.scenario === scenario && request.turn === turn)
    .length;

/** Kills the worker and lets the next one find what it left. */
async function killWorker(): Promise<void> {
  const [worker] = fleet.workers;
  if (!worker) throw new Error('There is no worker.');
  await Promise.all([fleet.remove(worker, 'SIGKILL'), fleet.addWorker()]);
}

describe('a run whose workers are killed one after the other', () => {
  it('goes on however many they are, as long as each gets a step further', async () => {
    const kills = 5;
    const mark = { toolCall: { name: 'shell', arguments: { command: 'echo mark >> marks.txt' } } };
    fleet.services.model.setScenario('stubborn', {
      turns: Array.from({ length: kills + 1 }, (_, turn) => ({
        steps: [{ repeat: `word-${turn} `, times: 20, delayMs: 30 }, ...(turn < kills ? [mark] : [])],
      })),
    });
    const { run, streamUrl } = await fleet.client.startRun({ input: '[[scenario:stubborn]]' });
    const viewing = viewReconnecting({ url: streamUrl, token: fleet.apiKey, eventsAtOnce: 50 });
    for (let turn = 1; turn <= kills; turn += 1) {
      // The step before is stored by then.
      await expect.poll(() => asked('stubborn', turn), { timeout: 30_000 }).toBeGreaterThan(0);
      await killWorker();
    }
    await expectWhole(fleet, run, await viewing);
    const marks = await fleet.client.readFile(run.projectId, 'marks.txt');
    expect(new TextDecoder().decode(marks)).toBe('mark\n'.repeat(kills));
  }, 120_000);

  it('ends as crash-loop when three of them got no further, and says so to its viewers', async () => {
    fleet.services.model.setScenario('deadly', {
      turns: [
        { steps: [{ text: 'One step.' }, { toolCall: { name: 'todo', arguments: { todos: [] } } }] },
        { steps: [{ text: 'Half a' }, { stall: true }] },
      ],
    });
    const { run, streamUrl } = await fleet.client.startRun({ input: '[[scenario:deadly]]' });
    const viewing = viewReconnecting({ url: streamUrl, token: fleet.apiKey, eventsAtOnce: 50 });
    for (let kill = 1; kill <= 3; kill += 1) {
      await expect.poll(() => asked('deadly', 1), { timeout: 30_000 }).toBe(kill);
      await killWorker();
    }
    const frames = await viewing;
    await expectWhole(fleet, run, frames, { status: 'failed', reason: 'crash-loop' });
    expect(frames.map(({ data }) => (JSON.parse(data) as { type: string }).type).at(-1)).toBe('error');
    expect(asked('deadly', 0)).toBe(1);
    fleet.services.model.setScenario('harmless', { turns: [{ steps: [{ text: 'Here.' }] }] });
    const next = await fleet.client.startRun({ input: '[[scenario:harmless]]', threadId: run.threadId });
    expect((await fleet.client.getRun(next.run.id, { waitMs: 30_000 })).run.status).toBe('completed');
  }, 120_000);
});
