import { randomUUID } from 'node:crypto';
import type { SandboxLease, SandboxRecords } from './sandbox-records.ts';

interface OwnRecord {
  readonly projectId: string;
  generation: number;
  sandboxId: string | null;
  leaseId: string | null;
  leasedUntilMs: number;
}

/** Records for a process that is alone with its sandboxes: nothing outlives it, and nothing is limited or removed. */
export function createOwnRecords(): SandboxRecords {
  const records = new Map<string, OwnRecord>();

  function recordOf(projectId: string): OwnRecord {
    const known = records.get(projectId);
    if (known) return known;
    const made = { projectId, generation: 0, sandboxId: null, leaseId: null, leasedUntilMs: 0 };
    records.set(projectId, made);
    return made;
  }

  function nameOf({ projectId, generation }: OwnRecord): string {
    return `switchyard-${projectId}${generation === 0 ? '' : `-${generation}`}`;
  }

  function held({ projectId, leaseId }: SandboxLease): OwnRecord | null {
    const record = recordOf(projectId);
    return record.leaseId === leaseId ? record : null;
  }

  return {
    async lease(projectId, { forMs }) {
      const record = recordOf(projectId);
      if (record.leaseId !== null && record.leasedUntilMs > performance.now()) return { outcome: 'held' };
      const leaseId = randomUUID();
      Object.assign(record, { leaseId, leasedUntilMs: performance.now() + forMs });
      return { outcome: 'taken', leaseId, name: nameOf(record), sandboxId: record.sandboxId };
    },
    async renew(lease, { forMs }) {
      const record = held(lease);
      if (record) record.leasedUntilMs = performance.now() + forMs;
      return record !== null;
    },
    async giveBack(lease) {
      const record = held(lease);
      if (record) record.leaseId = null;
    },
    async admit(lease) {
      return { outcome: held(lease) ? 'admitted' : 'lost' };
    },
    async save(lease, sandboxId) {
      const record = held(lease);
      if (record) record.sandboxId = sandboxId;
      return record !== null;
    },
    async noteRest(lease) {
      return held(lease) !== null;
    },
    async replace(lease) {
      const record = held(lease);
      if (!record) return null;
      record.generation += 1;
      record.sandboxId = null;
      return nameOf(record);
    },
    async noteUse(projectId, sandboxId) {
      const record = recordOf(projectId);
      // Made by another process, before this one began.
      if (record.generation === 0) record.sandboxId ??= sandboxId;
      return record.sandboxId === sandboxId;
    },
  };
}
