import { noUsage } from '@switchyard/protocol';
import { expect, test } from 'vitest';
import { createBudget } from './budget.ts';

const modelOf = (
  price: { input: number; cachedInput: number; output: number } | null,
  thinkingTokens = 0,
) => ({
  entry: { price },
  thinkingTokens,
});
const price = { input: 10, cachedInput: 1, output: 100 };

test('what is asked beside the conversation is paid, and takes nothing of it from the cache', () => {
  const limits = { maxCostUsd: 1 };
  const budget = createBudget({ limits, usage: noUsage, costUsd: 0 }, []);
  const usage = { ...noUsage, inputTokens: 80_000, cachedInputTokens: 80_000, totalTokens: 80_000 };
  budget.charge({ usage, costUsd: 0.08 });
  budget.chargeAside({ usage: { ...noUsage, inputTokens: 100, totalTokens: 100 }, costUsd: 0.001 });
  expect(budget.shortageFor({ tokens: 80_000, model: modelOf(price) })).toBeNull();
  budget.chargeAside({ usage: noUsage, costUsd: 0.919 });
  expect(budget.exhausted()).toMatchObject({ code: 'cost_limit' });
});

test('an answer may have what its request leaves of the tokens and of the money, thinking aside', () => {
  const budget = createBudget(
    { limits: { maxTokens: 100_000, maxCostUsd: 1 }, usage: noUsage, costUsd: 0 },
    [],
  );
  const roomFor = (tokens: number, ...model: Parameters<typeof modelOf>) =>
    budget.answerRoomFor({ tokens, model: modelOf(...model) });
  expect(roomFor(99_000, { ...price, input: 0 })).toBe(1000);
  expect(roomFor(50_000, price)).toBe(5000);
  expect(roomFor(50_000, price, 4096)).toBe(904);
  expect(roomFor(50_000, null)).toBe(50_000);
  expect(roomFor(50_000, { ...price, output: 0 })).toBe(50_000);
});

test('a call is not worth it when hardly anything is left for its answer, or for what it thinks', () => {
  const budget = createBudget({ limits: { maxTokens: 10_000 }, usage: noUsage, costUsd: 0 }, []);
  expect(budget.shortageFor({ tokens: 9900, model: modelOf(price) })).toBeNull();
  expect(budget.shortageFor({ tokens: 9901, model: modelOf(price) })).toMatchObject({ code: 'token_limit' });
  expect(budget.shortageFor({ tokens: 8000, model: modelOf(price, 4096) })).toMatchObject({
    code: 'token_limit',
  });
});

test('has room for anything where nothing is limited', () => {
  const budget = createBudget({ limits: {}, usage: noUsage, costUsd: 0 }, []);
  expect(budget.answerRoomFor({ tokens: 1_000_000, model: modelOf(price, 4096) })).toBe(Infinity);
});
