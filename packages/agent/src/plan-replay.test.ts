import { type Chunk, chunksOfParts, isToolPart, type MessagePart } from '@switchyard/protocol';
import type { StoredPart } from '@switchyard/store';
import { describe, expect, it } from 'vitest';
import { foldChunks } from './fold.ts';
import { planReplay } from './plan-replay.ts';

const text = (value: string): MessagePart => ({ type: 'text', text: value, state: 'done' });
const start: MessagePart = { type: 'step-start' };
const call = (toolCallId: string, result?: string): MessagePart => ({
  type: 'tool-echo',
  toolCallId,
  input: { id: toolCallId },
  ...(result === undefined ? { state: 'input-available' } : { state: 'output-available', output: result }),
});

function stored(...steps: readonly MessagePart[][]): StoredPart[] {
  return steps.flatMap((parts, index) =>
    parts.map((part) => ({
      step: index + 1,
      part,
      call: isToolPart(part)
        ? {
            callId: part.toolCallId,
            toolName: 'echo',
            ledger: part.state.startsWith('output') ? 'done' : 'pending',
            effect: 'read',
            incarnation: null,
          }
        : null,
    })),
  );
}

const first = [start, text('one'), call('a', 'A'), call('b', 'B')];
const second = [start, text('two'), call('c', 'C'), call('d')];

/** Where the log stands after these chunks, as the log's meta counts it. */
function standOf(chunks: readonly Chunk[]) {
  let closedSteps = 0;
  let isInStep = false;
  for (const { type } of chunks) {
    if (type === 'start-step') isInStep = true;
    if (type !== 'finish-step') continue;
    closedSteps += 1;
    isInStep = false;
  }
  return { closedSteps, isInStep, isAtWait: false };
}

describe('the replay after a claim', () => {
  const all = stored(first, second);
  const undisturbed = chunksOfParts([...first, ...second], { closeLastStep: false });

  it('gives every viewer the stored parts, wherever the log was cut', async () => {
    for (let cut = 0; cut <= undisturbed.length; cut += 1) {
      const seen = undisturbed.slice(0, cut);
      const replay = planReplay(standOf(seen), all);
      expect(await foldChunks([...seen, ...replay.chunks]), `cut ${cut}`).toEqual([...first, ...second]);
      expect(standOf([...seen, ...replay.chunks]), `cut ${cut}`).toMatchObject({
        closedSteps: 1,
        isInStep: true,
      });
      expect(replay).toMatchObject({ step: 2, calls: [{ part: call('d'), ledger: 'pending' }] });
    }
  });

  it('withdraws what was shown of a step that was never stored', async () => {
    const seen: Chunk[] = [
      ...chunksOfParts(first, { closeLastStep: true }),
      { type: 'start-step' },
      { type: 'text-start', id: 'x' },
    ];
    const replay = planReplay(standOf(seen), stored(first));
    expect(replay).toEqual({ chunks: [{ type: 'reset-step' }], standing: [], step: 2, calls: null });
    expect(await foldChunks([...seen, ...replay.chunks])).toEqual([...first, start]);
  });

  it('closes a step whose calls are all done, and asks the model for the next one', () => {
    const replay = planReplay({ closedSteps: 0, isInStep: true, isAtWait: false }, stored(first));
    expect(replay.chunks[0]).toEqual({ type: 'reset-step' });
    expect(replay.chunks.at(-1)).toEqual({ type: 'finish-step' });
    expect(replay).toMatchObject({ step: 2, calls: null });
  });

  it('of a first claim is nothing', () => {
    expect(planReplay(standOf([]), [])).toEqual({ chunks: [], standing: [], step: 1, calls: null });
  });

  it('refuses a log that is ahead of the store', () => {
    expect(() => planReplay({ closedSteps: 2, isInStep: false, isAtWait: false }, stored(first))).toThrow(
      /closed steps/,
    );
    expect(() => planReplay({ closedSteps: 2, isInStep: false, isAtWait: false }, all)).toThrow(
      /not in the store/,
    );
  });

  it('at a wait withdraws nothing, shows the answers, and knows what still stands', async () => {
    const approval = { id: 'approval', requestReason: 'May I?' };
    const asked = { ...call('d'), state: 'approval-requested', approval } as MessagePart;
    const answered = {
      ...call('d'),
      state: 'approval-responded',
      approval: { ...approval, approved: false, reason: 'No.' },
    } as MessagePart;
    const seen = chunksOfParts([...first, start, text('two'), asked], { closeLastStep: false });
    const replay = planReplay(
      { ...standOf(seen), isAtWait: true },
      stored(first, [start, text('two'), answered]),
    );
    expect(replay.chunks).toEqual([
      { type: 'tool-approval-response', approvalId: 'approval', approved: false, reason: 'No.' },
    ]);
    expect(await foldChunks([...seen, ...replay.chunks])).toEqual([...first, start, text('two'), answered]);
    expect(await foldChunks([{ type: 'start-step' }, ...replay.standing, ...replay.chunks])).toEqual([
      start,
      text('two'),
      answered,
    ]);
    expect(replay).toMatchObject({ step: 2, calls: [{ part: answered }] });
  });
});
