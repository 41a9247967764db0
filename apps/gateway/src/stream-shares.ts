import { AppError } from '@switchyard/protocol';

/** How many streams of each account this process has open. */
export interface StreamShares {
  /** Throws AppError `rate_limited` when the account has as many as it may. */
  check(accountId: string): void;
  /** Counts one more; throws as `check` does. */
  enter(accountId: string): void;
  leave(accountId: string): void;
}

/** Lets each account have `share` streams at a time, so that none takes the connections of all. */
export function createStreamShares(share: number): StreamShares {
  const open = new Map<string, number>();
  const countOf = (accountId: string) => open.get(accountId) ?? 0;

  function check(accountId: string): void {
    if (countOf(accountId) < share) return;
    throw new AppError('rate_limited', `At most ${share} streams of one account are open here at a time.`);
  }

  return {
    check,
    enter(accountId) {
      check(accountId);
      open.set(accountId, countOf(accountId) + 1);
    },
    leave(accountId) {
      const left = countOf(accountId) - 1;
      if (left > 0) open.set(accountId, left);
      else open.delete(accountId);
    },
  };
}
