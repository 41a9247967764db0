/** What looking at one sandbox may cost this thread of the processor, so that none keeps it from looking at the others. */
export interface CpuBudget {
  /** Does it and counts what it takes. */
  spend<Value>(action: () => Value): Value;
  isSpent(): boolean;
}

export function createCpuBudget(maxMs: number): CpuBudget {
  let spentMs = 0;
  return {
    spend(action) {
      const before = process.threadCpuUsage();
      const value = action();
      const { user, system } = process.threadCpuUsage(before);
      spentMs += (user + system) / 1_000;
      return value;
    },
    isSpent: () => spentMs > maxMs,
  };
}
