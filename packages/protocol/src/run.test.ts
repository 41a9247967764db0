import { describe, expect, it } from 'vitest';
import { isEnded, runReasonSchema, runStatusSchema, runTransitions, statusOfReason } from './run.ts';

describe('the run state machine', () => {
  it('ends exactly in completed, failed and cancelled', () => {
    expect(runStatusSchema.options.filter(isEnded)).toEqual(['completed', 'failed', 'cancelled']);
  });

  it('lets every status that is not ended be cancelled', () => {
    for (const status of runStatusSchema.options.filter((option) => !isEnded(option))) {
      expect(runTransitions[status]).toContain('cancelled');
    }
  });

  it('calls only finished, asked and answered runs completed', () => {
    const completed = runReasonSchema.options.filter((reason) => statusOfReason(reason) === 'completed');
    expect(completed).toEqual(['finished', 'asked', 'answered']);
  });
});
