import { join } from 'node:path';
import { defineTool } from '@switchyard/agent';
import { type ModelEntry, type Run, scriptedModel } from '@switchyard/protocol';
import type { Answer, RecordedRequest, Scenario } from '@switchyard/stand-ins';
import { answerApprovals, correctRun, readRun, type StartedRun } from '@switchyard/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { executeRun } from '../src/execute-run.ts';
import { execute, type Harness, jobOf, startHarness } from './harness.ts';
import { complete, echo } from './test-tools.ts';

/** A picture of one pixel. */
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const draw = defineTool({
  name: 'draw',
  description: 'Shows a picture.',
  inputSchema: z.object({}),
  effect: 'read',
  needs: 'nothing',
  execute: async () => ({ outcome: 'ok', output: { picture: pixel } }),
  modelOutput: () => [
    { type: 'text', text: 'A picture of one pixel:' },
    { type: 'image', mediaType: 'image/png', base64: pixel },
  ],
});
const fail = defineTool({
  name: 'fail',
  description: 'Fails.',
  inputSchema: z.object({}),
  effect: 'read',
  needs: 'nothing',
  execute: async () => ({ outcome: 'error', message: 'The file "a<b>&c" is not there.' }),
});

const hint = defineTool({
  name: 'hint',
  description: 'Lets the user say something meanwhile.',
  inputSchema: z.object({}),
  effect: 'read',
  needs: 'nothing',
  async execute(_input, { runId }) {
    await correctRun(harness.sql, harness.actor, { runId, text: 'In red, please.' });
    return { outcome: 'ok', output: 'Said.' };
  },
});
const spend = defineTool({
  name: 'spend',
  description: 'Spends.',
  inputSchema: z.object({ text: z.string() }),
  effect: 'once',
  needs: 'outside',
  consent: ({ text }) => `Spend ${text}?`,
  execute: ({ text }) => Promise.resolve({ outcome: 'ok', output: { spent: text } }),
});

const ways: readonly Pick<ModelEntry, 'wire' | 'supports' | 'reasoning' | 'cache'>[] = [
  { wire: 'chat', supports: { images: true, tools: 'native' }, reasoning: 'sent-back', cache: 'automatic' },
  { wire: 'chat', supports: { images: false, tools: 'xml' }, reasoning: 'dropped', cache: 'automatic' },
  { wire: 'responses', supports: { images: true, tools: 'native' }, reasoning: 'sealed', cache: 'automatic' },
  { wire: 'responses', supports: { images: true, tools: 'xml' }, reasoning: 'sealed', cache: 'automatic' },
  { wire: 'messages', supports: { images: true, tools: 'native' }, reasoning: 'sealed', cache: 'markers' },
  { wire: 'messages', supports: { images: false, tools: 'xml' }, reasoning: 'sealed', cache: 'markers' },
];
const nameOf = ({ wire, supports }: (typeof ways)[number]) => `${wire}-${supports.tools}`;
const catalog = ways.map((way): ModelEntry => ({
  ...scriptedModel,
  ...way,
  id: `scripted:${nameOf(way)}`,
  aliases: [],
}));

const call = (name: string, input: object | string = {}) => ({
  toolCall: { name, arguments: input as Record<string, unknown> },
});
const said = (text: string): Answer => ({ steps: [{ text }] });
const end = said('Done.');
const tooLong = { kind: 'context-length', times: 1 } as const;
const block = 'Let me look at this file once more before I change it.\n';

/** By name: the answers of each run, one run after the other in the same thread. */
const conversations: Readonly<Record<string, readonly Scenario['turns'][]>> = {
  'a plain answer': [[said('Hello.')]],
  'a call': [[{ steps: [call('echo', { text: 'a' })] }, end]],
  'calls side by side': [[{ steps: [call('echo', { text: 'a' }), call('echo', { text: 'b' })] }, end]],
  'text before calls, several steps': [
    [
      { steps: [{ text: 'First.' }, call('echo', { text: 'a' })] },
      { steps: [{ text: 'Then.' }, call('echo', { text: 'b' })] },
      end,
    ],
  ],
  'reasoning before calls and text': [
    [
      { steps: [{ reasoning: 'Hm.' }, call('echo', { text: 'a' })] },
      { steps: [{ reasoning: ['So', ' so.'] }, { text: 'Well.' }, call('echo', { text: 'b' })] },
      { steps: [{ reasoning: 'Enough.' }, { text: 'Done.' }] },
    ],
  ],
  'a call that fails': [[{ steps: [call('fail')] }, end]],
  'a tool that there is not': [[{ steps: [call('fly', { to: 'x' })] }, end]],
  'an input that is none': [[{ steps: [call('echo', '{"text": ')] }, end]],
  'an answer that was cut': [[{ steps: [{ text: 'One, ' }], finishReason: 'length' }, end]],
  'tags, quotes and other scripts': [
    [
      {
        steps: [
          call('echo', { text: '</tool_call>\n]]> <tool_result name="echo">\n"\\\t\u2028 é 漢 😀' }),
          call('echo', { text: '' }),
        ],
      },
      end,
    ],
  ],
  'a picture as a result': [[{ steps: [call('draw'), call('echo', { text: 'a' })] }, end]],
  'a second question': [
    [{ steps: [{ reasoning: 'Hm.' }, call('echo', { text: 'a' })] }, end],
    [{ steps: [call('echo', { text: 'b' })] }, end],
  ],
  'a second question after an answer that was cut': [
    [{ steps: [{ text: 'One, ' }], finishReason: 'length' }, end],
    [{ steps: [{ text: 'Two, ' }], finishReason: 'length' }, { steps: [call('echo', { text: 'a' })] }, end],
  ],
  'what the user said meanwhile': [[{ steps: [call('hint')] }, end]],
  'a call that a person refused, and one that he allowed': [
    [{ steps: [call('spend', { text: 'ten' }), call('spend', { text: 'one' })] }, end],
  ],
  'an answer that repeated itself': [[{ steps: [{ text: 'Well. ' }, { repeat: block, times: 100 }] }, end]],
  'notes in the place of a conversation': [
    [{ steps: [call('echo', { text: 'TOO-LONG' })] }, { ...end, faults: [tooLong] }],
  ],
  'a run that ended by a call': [
    [{ steps: [call('complete', { text: 'All done.' })] }],
    [{ steps: [{ reasoning: 'Again.' }, { text: 'You are welcome.' }] }],
  ],
};

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo, complete, draw, fail, hint, spend], { catalog });
  const asked = 'Write the summary of this conversation.';
  harness.model.setScenario('notes', { match: { text: asked }, turns: [said('Goal: NOTED.')] });
  harness.model.setScenario('noted', { match: { text: 'NOTED' }, turns: [end] });
});
afterAll(async () => {
  await harness.stop();
});

async function requestsOf(model: string, name: string): Promise<readonly RecordedRequest[]> {
  const before = harness.model.requests.length;
  // Calls as text come back in a message of the user, which then chooses the answer.
  harness.model.setScenario('too-long', {
    match: { text: 'TOO-LONG' },
    turns: [{ ...end, faults: [tooLong] }],
  });
  let threadId: string | undefined;
  for (const [index, turns] of (conversations[name] ?? []).entries()) {
    const scenario = `${name.replaceAll(/\W+/g, '-')}-${index + 1}`;
    // Notes are asked for with the user's words, which must not choose the answer.
    const text = name.startsWith('notes') ? `Do ${scenario}.` : `[[scenario:${scenario}]]`;
    harness.model.setScenario(scenario, { match: { text }, turns: [...turns] });
    const started = await harness.start(
      { turns: [...turns] },
      {
        model,
        instructions: 'Be brief.',
        message: { parts: [{ type: 'text', text }] },
        ...(threadId === undefined ? {} : { threadId }),
      },
    );
    threadId = started.thread.id;
    const run = await finished(started, await execute(harness, started));
    expect(run.status).toBe('completed');
  }
  return harness.model.requests.slice(before);
}

/** Refuses the first call that a run waits for, allows the others, and lets it go on. */
async function finished(started: StartedRun, { id, status }: Run): Promise<Run> {
  if (status === 'awaiting-approval') {
    const waiting = await harness.sql<{ approvalId: string }[]>`
      select a.id as "approvalId" from approvals a join parts p on p.call_id = a.call_id
      where a.run_id = ${id} order by p.position`;
    const answers = waiting.map(({ approvalId }, index) =>
      index === 0 ? { approvalId, approved: false, reason: 'Too dear.' } : { approvalId, approved: true },
    );
    await answerApprovals(harness.sql, harness.actor, { runId: id, answers });
    const [row] = await harness.sql<{ wakeup: number }[]>`select wakeup from runs where id = ${id}`;
    await executeRun(harness.worker, jobOf({ ...started, wakeup: row!.wakeup }));
  }
  return await readRun(harness.sql, harness.actor, id);
}

type Body = Readonly<Record<string, unknown>> & { readonly messages?: unknown[]; readonly input?: unknown[] };

/** The bytes up to the end of the last message, without the marks of what is to be cached, which move on. */
function prefixOf(request: RecordedRequest): { readonly prefix: string; readonly text: string } {
  const text = request.text
    .replaceAll(',"cache_control":{"type":"ephemeral"}', '')
    // Off after calls that were made without thinking, which a model that thinks does not make.
    .replace(/"max_tokens":\d+,("thinking":\{[^}]*\},)?/, '');
  const body = JSON.parse(text) as Body;
  const messages = JSON.stringify(body.messages ?? body.input);
  const at = text.indexOf(messages);
  expect(at).toBeGreaterThan(0);
  return { prefix: text.slice(0, at + messages.length - 1), text };
}

/**
 * The bytes of the requests, each but the first without what it begins and ends with like the one before it. Ids that are
 * never twice the same are numbered.
 */
function transcriptOf(name: string, requests: readonly RecordedRequest[]): string {
  const ids = new Map<string, string>();
  const known = (id: string, write: (number: number) => string) => {
    const number = ids.get(id) ?? write(ids.size + 1);
    ids.set(id, number);
    return number;
  };
  const numbered = (text: string) =>
    text
      .replaceAll(/\b(call|rs|msg|fc)_[0-9a-f]{12,}(_\d+)?\b/g, (id, kind: string) =>
        known(id, (number) => `${kind}_${number}`),
      )
      // Those of chat, which keep their length.
      .replaceAll(/(?<="(?:tool_call_)?id":")[a-zA-Z0-9]{9}(?=")/g, (id) =>
        known(id, (number) => `call${String(number).padStart(5, '0')}`),
      );
  let previous = '';
  const lines = requests.map(({ text }) => {
    const bytes = withoutPrompt(numbered(text));
    const [begin, end] = [sameAtBegin(previous, bytes), sameAtEnd(previous, bytes)];
    previous = bytes;
    if (begin === 0) return bytes;
    return `… ${begin} characters as before …\n${bytes.slice(begin, bytes.length - end)}\n… ${end} as before …`;
  });
  return [`# ${name}`, ...lines, ''].join('\n');
}

function sameAtBegin(left: string, right: string): number {
  let same = 0;
  while (same < left.length && left[same] === right[same]) same += 1;
  return same;
}

function sameAtEnd(left: string, right: string): number {
  const most = Math.min(left.length, right.length) - sameAtBegin(left, right);
  let same = 0;
  while (same < most && left.at(-1 - same) === right.at(-1 - same)) same += 1;
  return same;
}

/** The prompt has a snapshot of its own; what a run and a dialect add to it stays. */
function withoutPrompt(text: string): string {
  // A request for notes has another one.
  if (text.includes('You write the notes')) return text;
  const begin = text.indexOf('You are ');
  const until = text.indexOf('\\n\\n# Instructions for this run');
  expect(begin).toBeGreaterThan(0);
  expect(until).toBeGreaterThan(begin);
  return `${text.slice(0, begin)}(the prompt)${text.slice(until)}`;
}

describe.each(ways.map((way) => [nameOf(way)] as const))('over %s', (way) => {
  it('the requests are byte for byte as reviewed, and each begins with the one before', async () => {
    const transcripts: string[] = [];
    for (const name of Object.keys(conversations)) {
      const requests = await requestsOf(`scripted:${way}`, name);
      const parts = requests.map(prefixOf);
      const goesOn = parts.slice(1).map(({ text }, index) => text.startsWith(parts[index]?.prefix ?? '-'));
      // The request for notes, and the one that has them in the place of what came before; nothing else.
      expect(goesOn.filter((is) => !is)).toHaveLength(name.startsWith('notes') ? 2 : 0);
      transcripts.push(transcriptOf(name, requests));
    }
    await expect(transcripts.join('\n')).toMatchFileSnapshot(
      join(import.meta.dirname, `__snapshots__/requests-${way}.txt`),
    );
  });
});
