import { describe, expect, it } from 'vitest';
import { contextBudget, createContextMeter, planContext } from './budget.ts';

describe('the budget of a request', () => {
  it('is the window without the room for the answer, and at least half of the window', () => {
    expect(contextBudget({ contextWindow: 200_000, maxOutputTokens: 64_000 })).toBe(136_000);
    expect(contextBudget({ contextWindow: 8192, maxOutputTokens: 8192 })).toBe(4096);
  });
});

describe('the size of a request', () => {
  it('is estimated whole until a provider has counted one, then from there on', () => {
    const meter = createContextMeter();
    expect(meter.sizeOf(4000)).toBe(1000);
    meter.answered({ characters: 4000, inputTokens: 2500 });
    expect(meter.sizeOf(4400)).toBe(2600);
    expect(meter.sizeOf(3600)).toBe(2400);
    meter.answered({ characters: 4400, inputTokens: null });
    expect(meter.sizeOf(4400)).toBe(1100);
  });

  it('is never less than nothing', () => {
    const meter = createContextMeter();
    meter.answered({ characters: 40_000, inputTokens: 10 });
    expect(meter.sizeOf(0)).toBe(0);
  });
});

describe('what is done about it', () => {
  const request = { budget: 1000, size: 0, saved: 0, conversation: 1000 };
  it.each([
    ['below 60 % nothing, whatever could be saved', { size: 599, saved: 500 }, 'nothing'],
    ['from 60 % on a batch that is worth the cache is left out', { size: 600, saved: 100 }, 'prune'],
    ['a small batch waits', { size: 700, saved: 99 }, 'nothing'],
    ['from 80 % on a small batch is not enough', { size: 800, saved: 99 }, 'summarise'],
    ['a batch that leaves it below 80 % is', { size: 900, saved: 101 }, 'prune'],
    ['one that does not is not', { size: 1000, saved: 200 }, 'summarise'],
    ['what is mostly prompt is not summarised', { size: 900, conversation: 199 }, 'nothing'],
  ])('%s', (_rule, at, plan) => {
    expect(planContext({ ...request, ...at })).toBe(plan);
  });
});
