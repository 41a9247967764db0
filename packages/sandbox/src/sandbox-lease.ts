import type { SandboxLease, SandboxRecords } from './sandbox-records.ts';

/** The lease of a sandbox ended before its holder was done: somebody else may be at it. */
export class LeaseLostError extends Error {
  constructor(projectId: string) {
    super(`The lease of the sandbox of project ${projectId} was lost.`);
    this.name = 'LeaseLostError';
  }
}

/** A lease under which one may act as long as `signal` is not aborted. */
export interface HeldLease extends SandboxLease {
  readonly name: string;
  readonly sandboxId: string | null;
  /** Aborted with the caller's signal, or with LeaseLostError when the lease has come to its end. */
  readonly signal: AbortSignal;
  /** Throws LeaseLostError when it has ended, also in a process that was frozen meanwhile; asked before each deed. */
  ensureHeld(): void;
}

/** A holder stops so long before others may begin: what it has sent is to arrive before theirs. A guess. */
const marginOf = (forMs: number): number => forMs / 5;

/**
 * Acts under a project's lease, if it is to be had; renewed while the action runs, given back after it. The lease's life
 * counts from when it was asked for, so that it ends here before it ends in the records.
 */
export async function withSandboxLease<Value>(
  records: SandboxRecords,
  options: {
    readonly projectId: string;
    readonly forMs: number;
    readonly isIdleOnly?: boolean;
    readonly signal: AbortSignal;
  },
  action: (lease: HeldLease) => Promise<Value>,
): Promise<
  { readonly outcome: 'done'; readonly value: Value } | { readonly outcome: 'held' | 'busy' | 'gone' }
> {
  const { projectId, forMs, isIdleOnly = false, signal } = options;
  let askedAt = performance.now();
  const answer = await records.lease(projectId, { forMs, isIdleOnly });
  if (answer.outcome !== 'taken') return answer;
  const { leaseId } = answer;
  const lost = new AbortController();
  const lose = (): void => lost.abort(new LeaseLostError(projectId));
  const isOver = (): boolean => performance.now() - askedAt > forMs - marginOf(forMs);

  async function renew(): Promise<void> {
    if (isOver()) return lose();
    const sentAt = performance.now();
    try {
      if (await records.renew({ projectId, leaseId }, { forMs })) askedAt = sentAt;
      else lose();
    } catch {
      // No answer: the next turn tries again, until the lease's life is over.
    }
  }

  const timer = setInterval(() => void renew(), forMs / 5);
  try {
    const lease: HeldLease = {
      ...answer,
      projectId,
      signal: AbortSignal.any([signal, lost.signal]),
      ensureHeld() {
        if (isOver()) lose();
        this.signal.throwIfAborted();
      },
    };
    return { outcome: 'done', value: await action(lease) };
  } finally {
    clearInterval(timer);
    // Not given back, it ends by itself.
    await records.giveBack({ projectId, leaseId }).catch(() => undefined);
  }
}
