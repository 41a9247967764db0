import { setTimeout as delay } from 'node:timers/promises';
import type { Sandbox as DaytonaSandbox } from '@daytonaio/sdk';
import { AppError } from '@switchyard/protocol';
import { makeRoom } from './make-room.ts';
import { type HeldLease, LeaseLostError } from './sandbox-lease.ts';
import type { SandboxRecords } from './sandbox-records.ts';
import type { SandboxService } from './sandbox-service.ts';
import { nextStep } from './sandbox-states.ts';
import { SandboxGoneError, StateConflictError } from './service-errors.ts';

/** Who can bring sandboxes up. */
export interface SandboxMaker {
  readonly service: SandboxService;
  readonly records: SandboxRecords;
  readonly leaseMs: number;
}

/** One that is replaced is kept for a day, in which people may save what is in it. A guess. */
const keptMs = 86_400_000;
/** Each followed by another look: what the service did in spite of its answer counts. */
const maxFailures = 3;
const minPauseMs = 100;
const maxPauseMs = 1000;

/** What somebody is told who only wants to see what is there. */
const lost = (): AppError =>
  new AppError('not_found', 'The workspace was lost. The next run of its project begins with an empty one.');
const broken = (cause: Error): AppError =>
  new AppError(
    'sandbox_failed',
    'The sandbox of this project is broken. Its next run begins with an empty one.',
    {
      cause,
    },
  );

/** What is worth another look, since the deed may have been done in spite of the answer. */
function isWorthAnotherLook(error: unknown): boolean {
  return (
    error instanceof SandboxGoneError ||
    error instanceof StateConflictError ||
    (error instanceof AppError && error.code === 'sandbox_failed')
  );
}

/**
 * Brings the project's sandbox up under its lease, whatever state it is in: finds it, or makes it; waits, starts, recovers;
 * gives up one that is broken for good or gone and makes the next, unless `mayCreate` is false (`not_found` then). Ends by
 * the signal; `sandbox_limit` when there is no place for it.
 */
export async function makeReady(
  maker: SandboxMaker,
  lease: HeldLease,
  { mayCreate }: { readonly mayCreate: boolean },
): Promise<DaytonaSandbox> {
  const { service, records } = maker;
  const { projectId, signal } = lease;
  let { name, sandboxId } = lease;
  const done = { recovered: false, replaced: false };
  let failures = 0;
  let pauseMs = minPauseMs;

  async function look(): Promise<DaytonaSandbox | null> {
    const known = sandboxId === null ? null : await service.find(sandboxId, signal);
    return known ?? (await service.find(name, signal));
  }

  async function replace(found: DaytonaSandbox | null): Promise<void> {
    const cause = new Error(`${found?.state ?? 'absent'}: ${found?.errorReason ?? 'no reason given'}`);
    if (!mayCreate) throw found === null ? lost() : broken(cause);
    if (done.replaced) throw new AppError('sandbox_failed', 'A new sandbox could not be started.', { cause });
    done.replaced = true;
    // What was not found needs no removal, and must not be removed if it is only out of sight: by another key or address.
    // What never was ready holds nothing.
    const keepMs = found === null ? null : sandboxId === null ? 0 : keptMs;
    const next = await records.replace(lease, { keepMs });
    if (next === null) throw new LeaseLostError(projectId);
    name = next;
    sandboxId = null;
  }

  /** Null when another look is needed. */
  async function step(found: DaytonaSandbox | null): Promise<DaytonaSandbox | null> {
    lease.ensureHeld();
    if (found === null) {
      if (sandboxId !== null || !mayCreate) await replace(null);
      await makeRoom(maker, lease);
      lease.ensureHeld();
      return await service.create({ name, projectId, signal });
    }
    const next = nextStep(found);
    switch (next) {
      case 'use':
        return found;
      case 'start':
        await makeRoom(maker, lease);
        lease.ensureHeld();
        await service.start(found, signal);
        return found;
      case 'recover':
        if (done.recovered) {
          await replace(found);
          return null;
        }
        done.recovered = true;
        await service.recover(found, signal);
        return found;
      case 'replace':
        await replace(found);
        return null;
      case 'wait':
        await pause();
        return null;
    }
  }

  async function pause(): Promise<void> {
    await delay(pauseMs, undefined, { signal });
    pauseMs = Math.min(maxPauseMs, pauseMs * 1.5);
  }

  for (;;) {
    try {
      const ready = await step(await look());
      if (ready === null) continue;
      if (!(await records.save(lease, ready.id))) throw new LeaseLostError(projectId);
      return ready;
    } catch (error) {
      signal.throwIfAborted();
      if (!isWorthAnotherLook(error)) throw error;
      // A change of state that is under way is only waited for.
      if (!(error instanceof StateConflictError) && ++failures === maxFailures) throw error;
      await pause();
    }
  }
}
