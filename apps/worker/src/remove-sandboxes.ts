import { setTimeout as delay } from 'node:timers/promises';
import { type Redis, withLease } from '@switchyard/bus';
import type { Logger } from '@switchyard/process';
import type { Sandboxes } from '@switchyard/sandbox';
import { type Database, findDiscardedSandboxes, settleDiscardedSandbox } from '@switchyard/store';

/** What is needed to remove sandboxes. */
export interface RemovalSources {
  readonly sql: Database;
  readonly redis: Redis;
  readonly sandboxes: Pick<Sandboxes, 'remove'>;
  readonly logger: Logger;
}

export interface RemovalPolicy {
  readonly everyMs: number;
  /** For so long after a sandbox was given up somebody may still be making it. */
  readonly settleMs: number;
  /** At once. */
  readonly pageSize: number;
}

/** A start takes no longer than two and a half minutes, see `Sandboxes.open`; the rest are guesses. */
const removalPolicy: RemovalPolicy = { everyMs: 5000, settleMs: 900_000, pageSize: 10 };

/** What this process has removed so far: one process does at a time, the others stand by. */
export interface RemovalReport {
  removed: number;
  failed: number;
  /** When the last failure was, ISO 8601, and what it was. */
  lastFailureAt: string | null;
  lastFailure: string | null;
}

export interface SandboxRemover {
  readonly report: RemovalReport;
  /** Removes every few seconds what is due, until the signal is aborted. Never rejects. */
  removeUntil(signal: AbortSignal): Promise<void>;
  /** Removes what is due now, whoever else does. */
  remove(signal: AbortSignal): Promise<void>;
}

/**
 * Makes the one who removes the sandboxes that no project has any more: those of deleted projects, and those that were
 * replaced. What the service does not remove now is tried again every minute, until it is seen to be gone.
 */
export function createSandboxRemover(
  sources: RemovalSources,
  changes: Partial<RemovalPolicy> = {},
): SandboxRemover {
  const { everyMs, settleMs, pageSize } = { ...removalPolicy, ...changes };
  const { sql, redis, sandboxes, logger } = sources;
  const report: RemovalReport = { removed: 0, failed: 0, lastFailureAt: null, lastFailure: null };

  async function removeOne(name: string, signal: AbortSignal): Promise<void> {
    let isAbsent = false;
    try {
      isAbsent = (await sandboxes.remove(name, { signal })) === 'absent';
      if (!isAbsent) {
        report.removed += 1;
        logger.info({ sandbox: name }, 'a sandbox that no project has was removed');
      }
    } catch (error) {
      if (signal.aborted) return;
      report.failed += 1;
      report.lastFailureAt = new Date().toISOString();
      report.lastFailure = error instanceof Error ? error.message : 'failed';
      logger.warn({ sandbox: name, error }, 'a sandbox could not be removed');
    }
    await settleDiscardedSandbox(sql, { name, isAbsent, settleMs });
  }

  async function remove(signal: AbortSignal): Promise<void> {
    const names = await findDiscardedSandboxes(sql, { limit: pageSize });
    await Promise.all(names.map((name) => removeOne(name, signal)));
  }

  return {
    report,
    remove,
    async removeUntil(signal) {
      while (!signal.aborted) {
        try {
          const lease = { name: 'remove-sandboxes', ttlMs: 2 * everyMs };
          await withLease(redis, lease, async (lost) => await remove(AbortSignal.any([lost, signal])));
        } catch (error) {
          logger.warn({ error }, 'removing sandboxes failed');
        }
        await delay(everyMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}
