import { randomUUID } from 'node:crypto';
import { connectRedis, type Redis } from '@switchyard/bus';
import { createLogger } from '@switchyard/process';
import { AppError, scriptedModel, type UserId } from '@switchyard/protocol';
import { type Scenario, type ScriptedModel, startScriptedModel } from '@switchyard/stand-ins';
import { claimRun, resolveUser, startRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '@switchyard/store/test';
import {
  createBudget,
  createModelChoice,
  createModels,
  createRunStop,
  createSandboxAccess,
  createToolset,
  defaultModelDeadlines,
  defaultRetryPolicy,
  defineTool,
  openRun,
  runAgent,
  type RunEnding,
} from '../src/index.ts';

const order: string[] = [];

function recording(name: string, effect: 'read' | 'once') {
  return defineTool({
    name,
    description: `Does ${name}.`,
    inputSchema: z.object({ text: z.string().default('none') }),
    effect,
    needs: 'nothing',
    async execute({ text }, { readTodos, callId }) {
      order.push(`${name} ${text} begins`);
      // Others get their turn.
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
      order.push(`${name} ${text} ends, ${readTodos().length} todos`);
      const data = [{ type: 'data-todo', id: callId, data: { todos: [{ text, status: 'open' }] } } as const];
      return { outcome: 'ok', output: text, ...(effect === 'once' ? { data } : {}) };
    },
  });
}

/** Its text is `kind:name`, with words behind it. */
const change = {
  ...recording('change', 'once'),
  lane: ({ text }: { text: string }) => {
    const [of = '', name = ''] = text.split(/[: ]/);
    return { of: of as 'file' | 'session', name };
  },
};
const tools = createToolset([recording('look', 'read'), recording('act', 'once'), change]);
let database: TestDatabase;
let redis: Redis;
let model: ScriptedModel;

beforeAll(async () => {
  [database, model] = await Promise.all([createTestDatabase(), startScriptedModel()]);
  redis = connectRedis(inject('redisUrl'));
});
afterAll(async () => {
  redis.disconnect();
  await model.stop();
  await database.drop();
});

async function run(scenario: Scenario, instructions?: string): Promise<RunEnding> {
  const { sql } = database;
  const name = randomUUID();
  model.setScenario(name, scenario);
  const actor = await resolveUser(sql, { userId: randomUUID() as UserId, email: null });
  const { run: row, wakeup } = await startRun(sql, actor, {
    requestHash: name,
    model: scriptedModel.id,
    limits: {},
    instructions,
    message: { parts: [{ type: 'text', text: `[[scenario:${name}]]` }] },
  });
  const claim = await claimRun(sql, { runId: row.id, wakeup, workerId: 'test' });
  if (claim.outcome !== 'claimed') throw new Error('not claimed');
  const stop = createRunStop();
  const opened = await openRun({ sql, redis, runId: row.id, epoch: claim.epoch, stop });
  const { project, files } = opened.context;
  const outcome = await runAgent({
    ...opened,
    models: createModelChoice(
      createModels([scriptedModel], {
        openaiApiKey: null,
        openaiBaseUrl: null,
        anthropicApiKey: null,
        scriptedModelUrl: model.url,
      }),
      scriptedModel.id,
    ),
    tools,
    pictures: { of: async () => new Map() },
    sandbox: createSandboxAccess({
      sandboxes: { open: () => Promise.reject(new AppError('sandbox_unavailable', 'None here.')) },
      source: { read: () => Promise.reject(new Error('none')) },
      project,
      files,
      newFiles: [],
      wasTold: () => false,
      lastIncarnation: () => Promise.resolve(null),
      stop,
    }),
    stop,
    shouldHandOver: () => false,
    isOwned: () => true,
    endAside: () => Promise.resolve(),
    maxSteps: 10,
    budget: createBudget(row, []),
    retry: defaultRetryPolicy,
    deadlines: defaultModelDeadlines,
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
  opened.journal.close();
  if (outcome.outcome !== 'ended') throw new Error('not ended');
  return outcome.ending;
}

const call = (name: string, text: string) => ({ toolCall: { name, arguments: { text } } });

describe('the loop', () => {
  it('runs consecutive reads side by side and everything else in order', async () => {
    order.length = 0;
    const steps = [
      call('look', '1'),
      call('look', '2'),
      call('act', '3'),
      call('act', '4'),
      call('look', '5'),
    ];
    const ending = await run({ turns: [{ steps }, { steps: [{ text: 'ok' }] }] });
    expect(ending.reason).toBe('answered');
    expect(order).toEqual([
      'look 1 begins',
      'look 2 begins',
      'look 1 ends, 0 todos',
      'look 2 ends, 0 todos',
      'act 3 begins',
      'act 3 ends, 0 todos',
      'act 4 begins',
      'act 4 ends, 1 todos',
      'look 5 begins',
      'look 5 ends, 1 todos',
    ]);
  });

  it('runs changes of different things of one kind side by side, of the same thing in order, of two kinds apart', async () => {
    order.length = 0;
    const texts = ['file:a 1', 'file:b', 'file:a 2', 'session:s', 'session:t', 'file:a 3'];
    const ending = await run({
      turns: [{ steps: texts.map((text) => call('change', text)) }, { steps: [{ text: 'ok' }] }],
    });
    expect(ending.reason).toBe('answered');
    const spans = texts.map((text) => ({
      begin: order.indexOf(`change ${text} begins`),
      end: order.findIndex((line) => line.startsWith(`change ${text} ends`)),
    }));
    const overlap = (left: number, right: number) =>
      (spans[left]?.begin ?? 0) < (spans[right]?.end ?? 0) &&
      (spans[right]?.begin ?? 0) < (spans[left]?.end ?? 0);
    const pairs = texts.flatMap((_, left) =>
      texts.flatMap((__, right) => (left < right && overlap(left, right) ? [[left, right]] : [])),
    );
    // Files a and b, and b with the second change of a that follows the first; the two sessions; nothing else.
    expect(pairs.filter(([left, right]) => left !== 1 || right !== 2)).toEqual([
      [0, 1],
      [3, 4],
    ]);
    expect(spans.map(({ begin }) => begin).every((begin) => begin >= 0)).toBe(true);
    expect(spans[2]?.begin).toBeGreaterThan(spans[0]?.end ?? Infinity);
    expect(spans[5]?.begin).toBeGreaterThan(Math.max(spans[3]?.end ?? 0, spans[4]?.end ?? 0));
  });

  it('sends a prefix that never changes, and the tools in one order', async () => {
    const turns = [
      { steps: [call('look', 'a')] },
      { steps: [{ text: 'then' }, call('act', 'b')] },
      { steps: [{ text: 'ok' }] },
    ];
    await run({ turns }, 'Be brief.');
    const bodies = model.requests.slice(-3).map(({ body }) => body);
    const [first, second, third] = bodies.map(({ messages }) => messages);
    expect(second?.slice(0, first?.length)).toEqual(first);
    expect(third?.slice(0, second?.length)).toEqual(second);
    expect(new Set(bodies.map((body) => JSON.stringify('tools' in body ? body.tools : null))).size).toBe(1);
    expect(JSON.stringify(first?.[0])).toContain('Be brief.');
  });

  it('takes calls that come with the finish reason stop', async () => {
    order.length = 0;
    const ending = await run({
      turns: [{ steps: [call('act', 'x')], finishReason: 'stop' }, { steps: [{ text: 'ok' }] }],
    });
    expect(ending.reason).toBe('answered');
    expect(order).toHaveLength(2);
  });
});
