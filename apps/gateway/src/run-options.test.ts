import { describe, expect, it } from 'vitest';
import { limitsOf } from './run-options.ts';

const rules = {
  defaults: { maxSteps: 100, maxTokens: 500 },
  caps: { maxSteps: 200, maxDurationMs: 5000, maxTokens: 1000, maxCostUsd: 2 },
};

describe('the limits of a run', () => {
  it('are those of its request, and the defaults where it names none', () => {
    expect(limitsOf(rules)).toEqual({ maxSteps: 100, maxTokens: 500 });
    expect(limitsOf(rules, { maxTokens: 1000, maxCostUsd: 2 })).toEqual({
      maxSteps: 100,
      maxTokens: 1000,
      maxCostUsd: 2,
    });
  });

  it.each([{ maxSteps: 201 }, { maxDurationMs: 5001 }, { maxTokens: 1001 }, { maxCostUsd: 2.01 }])(
    'are refused above the cap: %j',
    (wanted) => {
      const [name] = Object.keys(wanted);
      expect(() => limitsOf(rules, wanted)).toThrow(
        expect.objectContaining({
          code: 'invalid_request',
          details: { errors: [{ pointer: `/limits/${name}`, detail: expect.stringContaining('At most') }] },
        }),
      );
    },
  );
});
