import { AppError } from '@switchyard/protocol';

/** One sender's place in a gate, which he may come to need. */
export interface Place {
  /** Takes the place, once; throws AppError `unavailable` when there is none. */
  take(): void;
  /** Gives it back, whether or not it was taken. */
  leave(): void;
}

/** Gives a sender of this account the place that he may take. */
export type Gate = (accountId: string) => Place;

/**
 * At most `places` are taken at a time, and by one account at most `share`, so that no account can shut the others out.
 * Nobody waits in a line: what waits would need memory too.
 */
export function createGate({ places, share }: { readonly places: number; readonly share: number }): Gate {
  const taken = new Map<string, number>();
  let inside = 0;
  return (accountId) => {
    let isInside = false;
    return {
      take() {
        if (isInside) return;
        const own = taken.get(accountId) ?? 0;
        if (inside >= places || own >= share) {
          throw new AppError('unavailable', 'Too many uploads at the same time. Try again in a moment.');
        }
        isInside = true;
        inside += 1;
        taken.set(accountId, own + 1);
      },
      leave() {
        if (!isInside) return;
        isInside = false;
        inside -= 1;
        const own = taken.get(accountId) ?? 0;
        if (own > 1) taken.set(accountId, own - 1);
        else taken.delete(accountId);
      },
    };
  };
}
