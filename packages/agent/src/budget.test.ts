import { noUsage } from '@switchyard/protocol';
import { expect, test } from 'vitest';
import { createBudget } from './budget.ts';

const price = { input: 10, cachedInput: 1, output: 100 };

test('what is asked beside the conversation is paid, and takes nothing of it from the cache', () => {
  const limits = { maxCostUsd: 1 };
  const budget = createBudget({ limits, usage: noUsage, costUsd: 0 }, []);
  const usage = { ...noUsage, inputTokens: 80_000, cachedInputTokens: 80_000, totalTokens: 80_000 };
  budget.charge({ usage, costUsd: 0.08 });
  budget.chargeAside({ usage: { ...noUsage, inputTokens: 100, totalTokens: 100 }, costUsd: 0.001 });
  expect(budget.shortageFor({ tokens: 80_000, price })).toBeNull();
  budget.chargeAside({ usage: noUsage, costUsd: 0.919 });
  expect(budget.exhausted()).toMatchObject({ code: 'cost_limit' });
});
