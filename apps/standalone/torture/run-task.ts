import { setTimeout as delay } from 'node:timers/promises';
import { isEnded, newId, type Run } from '@switchyard/protocol';
import { SwitchyardError } from '@switchyard/client';
import { followRun, type StartedRun } from './follow-run.ts';
import { patiently } from './patiently.ts';
import { planRun, type RunPlan } from './plans.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** What people do with a thread beside waiting for its answer. */
const manners = ['waits', 'waits', 'waits', 'stops it', 'asks more', 'interrupts', 'edits'] as const;

/** One thread from its first message to the end of its last run, as a person might use it. */
export async function runTask(world: World, random: Random, projectId: string): Promise<void> {
  const manner = random.pick(manners);
  const chat = { threadId: newId(), messageId: newId(), projectId };
  const first =
    manner === 'edits' ? await startByChat(world, random, chat) : await start(world, random, { projectId });
  const following = followRun(world, first);
  // A rejection is not unheard while the person does what he does.
  following.catch(() => undefined);
  await delay(random.between(0, 4000));
  switch (manner) {
    case 'waits':
      break;
    case 'stops it':
      await stop(world, first);
      break;
    case 'asks more': {
      const second = await start(world, random, { projectId, threadId: first.run.threadId, onBusy: 'queue' });
      const [before, after] = await Promise.all([following, followRun(world, second)]);
      if (before?.endedAt && after?.startedAt && Date.parse(after.startedAt) < Date.parse(before.endedAt)) {
        const words = `began at ${after.startedAt}, before ${before.id} had ended at ${before.endedAt}`;
        world.report(`run ${after.id}`, [{ kind: 'wrong', count: 1, words }]);
      }
      break;
    }
    case 'interrupts':
      first.fate.cancel = 'wanted';
      await followRun(
        world,
        await start(world, random, { projectId, threadId: first.run.threadId, onBusy: 'interrupt' }),
      );
      break;
    case 'edits':
      Object.assign(first.fate, { cancel: 'wanted', isEdited: true });
      await followRun(world, await startByChat(world, random, chat));
      break;
  }
  await following;
}

/** Gives the run's model its script. Its name is in the run's input, so that each run has its own requests. */
function prepare({ fleet, runs }: World, random: Random): { plan: RunPlan; scenario: string; input: string } {
  runs.started += 1;
  const scenario = `run-${runs.started}`;
  const plan = planRun(random, scenario);
  fleet.services.model.setScenario(scenario, plan.scenario);
  return { plan, scenario, input: `[[scenario:${scenario}]]` };
}

async function start(
  world: World,
  random: Random,
  where: { readonly projectId: string; readonly threadId?: string; readonly onBusy?: 'queue' | 'interrupt' },
): Promise<StartedRun> {
  const { plan, scenario, input } = prepare(world, random);
  const idempotencyKey = newId();
  // The same request twice, at the same time and again when it found nobody: one run.
  const send = () => patiently(() => world.fleet.client.startRun({ input, ...where }, { idempotencyKey }));
  const answers = await Promise.all(random.chance(0.2) ? [send(), send()] : [send()]);
  const ids = new Set(answers.map(({ run }) => run.id));
  const [answer] = answers;
  if (!answer) throw new Error('Nothing was answered.');
  if (ids.size > 1) {
    const words = `one Idempotency-Key started ${[...ids].join(' and ')}`;
    world.report('a start', [{ kind: 'run twice', count: 1, words }]);
  }
  return startedRun(random, { run: answer.run, plan, scenario });
}

function startedRun(
  random: Random,
  { run, plan, scenario }: Pick<StartedRun, 'run' | 'plan' | 'scenario'>,
): StartedRun {
  return {
    run,
    plan,
    scenario,
    viewers: random.between(2, 8),
    random: random.fork(),
    fate: { cancel: 'not wanted', isEdited: false },
  };
}

/** As a chat's transport does; whoever sends a message with a known id and another text edits it. Leaves its stream. */
async function startByChat(
  world: World,
  random: Random,
  {
    threadId,
    messageId,
    projectId,
  }: { readonly threadId: string; readonly messageId: string; readonly projectId: string },
): Promise<StartedRun> {
  const { plan, scenario, input } = prepare(world, random);
  const { client, url, apiKey } = world.fleet;
  const runId = await patiently(async () => {
    const left = new AbortController();
    const response = await fetch(`${url}/v1/chat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        id: threadId,
        projectId,
        trigger: 'submit-message',
        messages: [{ id: messageId, role: 'user', parts: [{ type: 'text', text: input }] }],
      }),
      signal: left.signal,
    });
    const id = response.headers.get('x-run-id');
    const detail = response.ok ? '' : await response.text();
    left.abort();
    if (response.ok && id !== null) return id;
    const code = response.status === 503 ? 'unavailable' : 'internal';
    throw new SwitchyardError({ code, status: response.status, detail });
  });
  const { run } = await patiently(() => client.getRun(runId));
  return startedRun(random, { run, plan, scenario });
}

async function stop({ fleet }: World, { run, fate }: StartedRun): Promise<Run> {
  fate.cancel = 'wanted';
  const answer = await patiently(() => fleet.client.cancel(run.id));
  // What had ended before stays as it is; what has not will end as stopped, whatever else it wants.
  if (answer.run.status === 'cancelled' || !isEnded(answer.run.status)) fate.cancel = 'promised';
  return answer.run;
}
