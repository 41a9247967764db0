import { type Chunk, noUsage } from '@switchyard/protocol';
import { describe, expect, it } from 'vitest';
import { settleCall } from './call-result.ts';
import { composeEnding, decideAfter } from './ending.ts';

describe('what follows an answer', () => {
  it.each([
    ['stop', true, 0, { next: 'call-tools' }],
    ['length', true, 3, { next: 'call-tools' }],
    ['stop', false, 0, { next: 'end', reason: 'answered' }],
    ['other', false, 0, { next: 'end', reason: 'answered' }],
    ['length', false, 2, { next: 'continue' }],
    ['length', false, 3, { next: 'end', reason: 'model-error' }],
    ['content-filter', false, 0, { next: 'end', reason: 'content-filter' }],
  ] as const)('%s, with calls %s, after %i cuts', (finishReason, hasCalls, cuts, decision) => {
    expect(decideAfter({ finishReason, hasCalls, cuts, mayRemind: false })).toMatchObject(decision);
  });

  it.each([
    ['stop', false, 'remind'],
    ['stop', true, 'call-tools'],
    ['length', false, 'continue'],
    ['content-filter', false, 'end'],
  ] as const)('%s, with calls %s, while the plan has open items', (finishReason, hasCalls, next) => {
    expect(decideAfter({ finishReason, hasCalls, cuts: 0, mayRemind: true }).next).toBe(next);
  });
});

describe('the ending', () => {
  const step: Chunk[] = [
    { type: 'start-step' },
    { type: 'text-start', id: 't' },
    { type: 'text-delta', id: 't', delta: 'Half' },
  ];
  const calls: Chunk[] = [
    { type: 'start-step' },
    { type: 'tool-input-available', toolCallId: 'a', toolName: 'complete', input: {} },
    { type: 'tool-input-available', toolCallId: 'b', toolName: 'echo', input: {} },
  ];
  const options = { reason: 'cancelled', step: 2, openCallText: 'Cancelled.' } as const;

  it('of no open step stores and closes nothing', async () => {
    expect(await composeEnding({ ...options, chunks: [], isStored: false })).toEqual({
      reason: 'cancelled',
      closing: [],
    });
  });

  it('counts what a model was asked that showed nothing, and nothing for one that was not asked', async () => {
    const usage = { ...noUsage, inputTokens: 9, totalTokens: 9, estimated: true };
    const silent = { ...options, chunks: [], isStored: false };
    expect(await composeEnding({ ...silent, usage, costUsd: 0.5 })).toEqual({
      reason: 'cancelled',
      lastStep: { step: 2, parts: [], usage, costUsd: 0.5 },
      closing: [],
    });
    expect(await composeEnding({ ...silent, usage: noUsage, costUsd: 0 })).not.toHaveProperty('lastStep');
  });

  it('keeps the partial text of a step that was not stored', async () => {
    const ending = await composeEnding({ ...options, chunks: step, isStored: false });
    expect(ending.closing).toEqual([{ type: 'text-end', id: 't' }, { type: 'finish-step' }]);
    expect(ending.lastStep).toEqual({
      step: 2,
      parts: [{ part: { type: 'step-start' } }, { part: { type: 'text', text: 'Half', state: 'done' } }],
    });
    expect(ending).not.toHaveProperty('closedCalls');
  });

  it('stores what the call that ended the run gave, and closes the others', async () => {
    const file = { path: 'a.csv', name: 'a.csv', mediaType: 'text/csv', size: 4 };
    const last = settleCall(
      { type: 'tool-complete', toolCallId: 'a', state: 'input-available', input: {} },
      { outcome: 'ok', output: 'ok', data: [{ type: 'data-file', id: 'f', data: file }] },
    );
    const ending = await composeEnding({ ...options, chunks: calls, isStored: true, last });
    expect(ending.closedCalls).toMatchObject([
      { callId: 'a', part: { state: 'output-available', output: 'ok' }, appended: [{ data: file }] },
      { callId: 'b', part: { state: 'output-error', errorText: 'Cancelled.' } },
    ]);
    expect(ending.closedCalls?.[1]).not.toHaveProperty('appended');
    expect(ending.closing.map(({ type }) => type)).toEqual([
      'tool-output-available',
      'data-file',
      'tool-output-error',
      'finish-step',
    ]);
    expect(ending).not.toHaveProperty('lastStep');
  });
});
