import { AppError } from '@switchyard/protocol';
import type { SandboxMaker } from './make-ready.ts';
import { type HeldLease, LeaseLostError, withSandboxLease } from './sandbox-lease.ts';

/**
 * Gets the sandbox a place among the running ones of its account. When there is none, the one that nobody has used for
 * longest is stopped and archived, and so on; one that turns out not to run leaves its place at once. Throws
 * `sandbox_limit` when all are at work.
 */
export async function makeRoom(maker: SandboxMaker, lease: HeldLease): Promise<void> {
  const { records } = maker;
  const failures: unknown[] = [];
  let admission = await records.admit(lease);
  if (admission.outcome === 'full') {
    for (const projectId of admission.idle) {
      try {
        if (!(await putToRest(maker, projectId, lease.signal))) continue;
      } catch (error) {
        lease.signal.throwIfAborted();
        // Another one may do; if none does, this is why.
        failures.push(error);
        continue;
      }
      admission = await records.admit(lease);
      if (admission.outcome !== 'full') break;
    }
  }
  switch (admission.outcome) {
    case 'admitted':
      return;
    case 'lost':
      throw new LeaseLostError(lease.projectId);
    case 'full':
      throw new AppError(
        'sandbox_limit',
        'All sandboxes that this account may have running are at work. Try again when another run has ended.',
        { cause: failures[0], details: { retryAfterMs: 30_000 } },
      );
  }
}

/** True when the sandbox of that project does not run any more; false when somebody works in it or is at it. */
async function putToRest(
  { records, service, leaseMs }: SandboxMaker,
  projectId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const rested = await withSandboxLease(
    records,
    { projectId, forMs: leaseMs, isIdleOnly: true, signal },
    async (lease) => {
      const found = await service.find(lease.sandboxId ?? lease.name, lease.signal);
      if (found?.state === 'started') {
        lease.ensureHeld();
        await service.stop(found, lease.signal);
        // Frees its disk as well: a stopped one goes on counting against what the service has sold. If it cannot be now, it
        // is done by itself after a time.
        await service.archive(found, lease.signal).catch(() => lease.signal.throwIfAborted());
      }
      return await records.noteRest(lease);
    },
  );
  return rested.outcome === 'done' && rested.value;
}
