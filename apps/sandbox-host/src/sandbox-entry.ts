import type { Namespace } from './namespace.ts';
import type { ProcessIdentity } from './process-identity.ts';
import type { SandboxRecord } from './sandbox-record.ts';
import type { Visit } from './sandbox-views.ts';

/** A sandbox as the registry keeps it: its record, and what is true of it now. */
export interface Entry {
  record: SandboxRecord;
  namespace: Namespace | null;
  /** Of a namespace that was killed and had not ended when that was given up: nothing else may use its folders. */
  lingering: ProcessIdentity | null;
  lastActivityAt: number;
  readonly visits: Set<Visit>;
  /** Why it was stopped by the host. */
  stopReason: string | null;
  /** It counts as running before it runs. */
  isStarting: boolean;
  /** The last start or stop; the next one waits for it. */
  pending: Promise<unknown>;
}

/** Of a sandbox that does not run. */
export function newEntry(record: SandboxRecord): Entry {
  return {
    record,
    namespace: null,
    lingering: null,
    lastActivityAt: Date.now(),
    visits: new Set(),
    stopReason: null,
    isStarting: false,
    pending: Promise.resolve(),
  };
}

/** Whether it runs although nobody has used it for as long as its record allows. */
export function isIdle({ namespace, record: { autoStopMinutes }, visits, lastActivityAt }: Entry): boolean {
  const isUsed = visits.size > 0 || Date.now() - lastActivityAt <= autoStopMinutes * 60_000;
  return namespace !== null && autoStopMinutes > 0 && !isUsed;
}
