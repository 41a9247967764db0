import type { RunLimits } from './run.ts';
import { z } from 'zod';

/** The variables for what runs may spend: of those that name no limit, and at most. Defaults and caps are guesses. */
export const runLimitVariables = {
  MAX_STEPS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe('Steps of a run that names no limit.'),
  MAX_DURATION_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .default(3_600_000)
    .describe('Duration of a run that names no limit.'),
  MAX_TOKENS: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Tokens of a run that names no limit; unset: the cap.'),
  MAX_COST_USD: z.coerce
    .number()
    .positive()
    .optional()
    .describe('US dollars of a run that names no limit; unset: the cap.'),
  MAX_STEPS_CAP: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(1000)
    .describe('Steps above which a limit is refused.'),
  MAX_DURATION_MS_CAP: z.coerce
    .number()
    .int()
    .min(1000)
    .default(24 * 3_600_000)
    .describe('Duration above which a limit is refused.'),
  MAX_TOKENS_CAP: z.coerce
    .number()
    .int()
    .min(1)
    .default(100_000_000)
    .describe('Tokens above which a limit is refused.'),
  MAX_COST_USD_CAP: z.coerce
    .number()
    .positive()
    .optional()
    .describe('US dollars above which a limit is refused; unset: a run may spend what it takes.'),
};

const valuesSchema = z.object(runLimitVariables);
type Values = z.output<typeof valuesSchema>;

/** The limits of runs that name none, and those that no run goes above, whether it names one or not. */
export interface RunLimitRules {
  readonly defaults: RunLimits;
  readonly caps: { readonly [Name in keyof RunLimits]-?: number };
}

/** The rules that the variables make. */
export function runLimitRulesOf(values: Values): RunLimitRules {
  const maxCostUsd = values.MAX_COST_USD ?? values.MAX_COST_USD_CAP;
  return {
    defaults: {
      maxSteps: values.MAX_STEPS,
      maxDurationMs: values.MAX_DURATION_MS,
      maxTokens: values.MAX_TOKENS ?? values.MAX_TOKENS_CAP,
      ...(maxCostUsd === undefined ? {} : { maxCostUsd }),
    },
    caps: {
      maxSteps: values.MAX_STEPS_CAP,
      maxDurationMs: values.MAX_DURATION_MS_CAP,
      maxTokens: values.MAX_TOKENS_CAP,
      maxCostUsd: values.MAX_COST_USD_CAP ?? Infinity,
    },
  };
}

/** Reports each default that is above its cap. */
export function checkRunLimitValues(values: Values, report: (name: string, message: string) => void): void {
  for (const name of ['MAX_STEPS', 'MAX_DURATION_MS', 'MAX_TOKENS', 'MAX_COST_USD'] as const) {
    if ((values[name] ?? 0) > (values[`${name}_CAP`] ?? Infinity)) report(name, `is above ${name}_CAP`);
  }
}
