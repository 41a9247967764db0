import { foldMessage } from '@switchyard/agent/test';
import type { Scenario } from '@switchyard/stand-ins';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunksOfLog, execute, type Harness, startHarness, storedMessage } from './harness.ts';
import { echo, failing } from './test-tools.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness([echo, failing]);
});
afterAll(async () => {
  await harness.stop();
});

async function run(scenario: Scenario) {
  const from = harness.model.requests.length;
  const ended = await execute(harness, await harness.start(scenario));
  const message = await storedMessage(harness, ended);
  expect(await foldMessage(await chunksOfLog(harness.redis, ended.id))).toEqual(message);
  const notices = message.parts.flatMap((part) => (part.type === 'data-notice' ? [part.data.code] : []));
  return { ended, message, notices, requests: harness.model.requests.slice(from) };
}

const call = (name: string, text: string) => ({ steps: [{ toolCall: { name, arguments: { text } } }] });
const stuck = { status: 'failed', reason: 'stuck', error: { code: 'stuck' } };
const block = 'Let me look at this file once more before I change it.\n';
const babble = { steps: [{ text: 'Well. ' }, { repeat: block, times: 200 }] };

describe('an agent that makes no progress', () => {
  it('is told once when it makes the same call again and again, and ended when it goes on', async () => {
    const { ended, notices, requests } = await run({
      turns: Array.from({ length: 9 }, () => call('echo', 'a')),
    });
    expect(ended).toMatchObject({ ...stuck, steps: 6 });
    expect(notices).toEqual(['same-result']);
    const told = requests.map(({ body }) => JSON.stringify(body).includes('It will not change.'));
    expect(told).toEqual([false, false, false, true, true, true]);
  });

  it('is told when it meets the same error, and finishes when it goes another way', async () => {
    const turns = [
      ...['a', 'b', 'c'].map((text) => call('failing', text)),
      { steps: [{ text: 'Done without it.' }] },
    ];
    const { ended, notices } = await run({ turns });
    expect(ended).toMatchObject({ status: 'completed', reason: 'answered', steps: 4 });
    expect(notices).toEqual(['same-error']);
  });

  it('is told when it goes back and forth', async () => {
    const turns = Array.from({ length: 12 }, (_, turn) => call('echo', turn % 2 === 0 ? 'a' : 'b'));
    const { ended, notices } = await run({ turns });
    expect(ended).toMatchObject({ ...stuck, steps: 12 });
    expect(notices).toEqual(['alternation']);
  });

  it('is cut off when an answer repeats itself, told, and ended when the next one does', async () => {
    const { ended, message, notices, requests } = await run({ turns: [babble, babble, babble] });
    expect(ended).toMatchObject({ ...stuck, steps: 2, usage: { estimated: true } });
    expect(notices).toEqual(['repeated-text']);
    expect(requests).toHaveLength(2);
    const texts = message.parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
    // Closed like any other text.
    const states = message.parts.flatMap((part) => (part.type === 'text' ? [part.state] : []));
    expect(new Set(states)).toEqual(new Set(['done']));
    // Cut long before it had said everything.
    for (const text of texts) expect(text.length).toBeLessThan(block.length * 100);
    expect(JSON.stringify(requests[1]?.body)).not.toContain('cut off by the output limit');
  });

  it('is cut off when its reasoning repeats itself, told, and ended when it does so again', async () => {
    const brooding = {
      steps: [{ reasoning: 'Well. ' }, { reasoning: block.repeat(200) }, { text: 'never' }],
    };
    const { ended, notices, requests } = await run({ turns: Array.from({ length: 5 }, () => brooding) });
    expect(ended).toMatchObject({ ...stuck, steps: 2 });
    expect(notices).toEqual(['repeated-text']);
    expect(requests).toHaveLength(2);
    expect(JSON.stringify(requests[1]?.body)).toContain('Your answer repeated itself');
    expect(JSON.stringify(requests[1]?.body)).not.toContain('cut off by the output limit');
  });

  it('is cut off when it repeats itself in turns of reasoning and text, told, and ended when it does so again', async () => {
    const turns = Array.from({ length: 6 }, () => ({
      steps: Array.from({ length: 40 }, () => [{ reasoning: block }, { text: block }]).flat(),
    }));
    const { ended, notices, requests } = await run({ turns });
    expect(ended).toMatchObject({ ...stuck, steps: 2 });
    expect(notices).toEqual(['repeated-text']);
    expect(JSON.stringify(requests[1]?.body)).toContain('Your answer repeated itself');
    expect(JSON.stringify(requests[1]?.body)).not.toContain('cut off by the output limit');
  });

  it('is not taken for stuck by one answer whose calls all fail alike, and by the next', async () => {
    const batch = (of: string) => ({
      steps: [1, 2, 3, 4].map((call) => ({
        toolCall: { name: 'failing', arguments: { text: `${of}${call}` } },
      })),
    });
    const { ended, notices } = await run({
      turns: [batch('a'), batch('b'), { steps: [{ text: 'No way.' }] }],
    });
    expect(ended).toMatchObject({ status: 'completed', reason: 'answered', steps: 3 });
    expect(notices).toEqual([]);
  });

  it('goes on after a repeated answer when it is told', async () => {
    const { ended, notices } = await run({
      turns: [babble, call('echo', 'a'), { steps: [{ text: 'Done.' }] }],
    });
    expect(ended).toMatchObject({ status: 'completed', reason: 'answered', steps: 3 });
    expect(notices).toEqual(['repeated-text']);
  });
});
