import { randomUUID } from 'node:crypto';
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@switchyard/process';
import { explainFailure, type WallTrouble } from './check-wall.ts';
import { HostError } from './host-error.ts';
import { adoptNamespace, LingeringError, type Namespace, NamespaceError } from './namespace.ts';
import { isAlive, killProcess, type ProcessIdentity } from './process-identity.ts';
import type { SandboxLimits } from './limits.ts';
import type { Records, SandboxRecord } from './sandbox-record.ts';
import { type Entry, isIdle, newEntry } from './sandbox-entry.ts';
import type { SandboxRegistry, SandboxState, SandboxView, Visit } from './sandbox-views.ts';

/** Above every range that distributions and systemd give out, below 2^31. */
const firstUserId = 2_000_000_000;
/** What the real service does when nothing is asked for. */
const defaultAutoStopMinutes = 15;

/** Guesses: more run on two processors than are at work at once; a stopped one costs a folder. */
export const defaultQuotas: HostQuotas = { maxCount: 2_000, maxRunning: 64 };

/** How many sandboxes this host takes. */
export interface HostQuotas {
  readonly maxCount: number;
  readonly maxRunning: number;
}

export interface RegistryOptions {
  readonly records: Records;
  readonly logger: Logger;
  /** Whether each sandbox has a user id of its own, which root gives it. */
  readonly givesUserIds: boolean;
  /** Always, but in the tests that show what it holds. */
  readonly hasOwnUserIds: boolean;
  /** Of one sandbox at most. */
  readonly limits: SandboxLimits;
  readonly quotas: HostQuotas;
  /** Null when sandboxes can be started here. */
  readonly trouble: WallTrouble | null;
  readonly start: (record: SandboxRecord, folder: string, limits: SandboxLimits) => Promise<Namespace>;
  /** Called when all its processes have ended. */
  readonly onStopped: (id: string) => Promise<void>;
  /** Why this sandbox must not start now, for people; null when nothing stands against it. */
  readonly refusal: (id: string) => string | null;
}

const notFound = (): HostError => new HostError(404, 'SANDBOX_NOT_FOUND', 'There is no such sandbox.');

/** Loads all sandboxes and takes over those that a former host process left running. */
export async function createRegistry(options: RegistryOptions): Promise<SandboxRegistry> {
  const { records, logger } = options;
  const entries = new Map<string, Entry>();
  let isClosed = false;

  async function load(record: SandboxRecord): Promise<void> {
    const entry = newEntry(record);
    entries.set(record.id, entry);
    const identity = await records.readIdentity(record.id);
    if (!identity || !isAlive(identity)) return;
    try {
      entry.namespace = adoptNamespace(identity, join(records.folderOf(record.id), 'run'));
      logger.info({ sandboxId: record.id }, 'sandbox adopted');
    } catch (error) {
      const isGone = await killProcess(identity, 5_000);
      if (!isGone) entry.lingering = identity;
      logger.warn({ sandboxId: record.id, error, isGone }, 'sandbox not adoptable, killed');
    }
  }
  for (const record of await records.readAll()) await load(record);

  function stateOf(entry: Entry): SandboxState {
    if (entry.namespace && !entry.namespace.isAlive()) {
      entry.namespace.release();
      entry.namespace = null;
      entry.stopReason = 'it ended by itself';
      logger.warn({ sandboxId: entry.record.id }, 'sandbox ended by itself');
      void inOrder(entry, () => cleanUp(entry)).catch((error: unknown) => {
        logger.error({ sandboxId: entry.record.id, error }, 'what a sandbox left could not be cleared away');
      });
    }
    if (entry.namespace) return 'started';
    return entry.record.isArchived ? 'archived' : 'stopped';
  }

  function view(entry: Entry): SandboxView {
    return {
      record: entry.record,
      state: entries.get(entry.record.id) === entry ? stateOf(entry) : 'destroyed',
      lastActivityAt: new Date(entry.lastActivityAt),
      limits: limitsOf(entry.record),
    };
  }

  function limitsOf({ memoryBytes, diskBytes }: SandboxRecord): SandboxLimits {
    const { limits } = options;
    return {
      ...limits,
      memoryBytes: Math.min(memoryBytes ?? limits.memoryBytes, limits.memoryBytes),
      diskBytes: Math.min(diskBytes ?? limits.diskBytes, limits.diskBytes),
    };
  }

  /** In the service's words: its clients know a quota by them. */
  function refuseAbove(what: string, count: number, max: number): void {
    if (count < max) return;
    throw new HostError(403, 'LIMIT_EXCEEDED', `Total ${what} limit exceeded. Maximum allowed: ${max}.`);
  }

  async function keepArchived(entry: Entry, isArchived: boolean): Promise<void> {
    if (entry.record.isArchived === isArchived) return;
    entry.record = { ...entry.record, isArchived };
    await records.write(entry.record);
  }

  function findEntry(idOrName: string): Entry {
    const entry =
      entries.get(idOrName) ?? [...entries.values()].find(({ record }) => record.name === idOrName);
    if (!entry) throw notFound();
    return entry;
  }

  /** One start or stop of a sandbox at a time. */
  function inOrder<Value>(entry: Entry, action: () => Promise<Value>): Promise<Value> {
    const result = entry.pending.then(action, action);
    entry.pending = result.catch(() => undefined);
    return result;
  }

  function refuseIfImpossible(): void {
    if (isClosed) throw new HostError(409, 'HOST_STOPPING', 'The sandbox host is stopping.');
    if (options.trouble) {
      const { reason, remedy } = options.trouble;
      throw new HostError(422, 'SANDBOX_UNAVAILABLE', `${reason} ${remedy}`);
    }
  }

  async function startEntry(entry: Entry): Promise<void> {
    refuseIfImpossible();
    if (!entries.has(entry.record.id)) throw notFound();
    if (stateOf(entry) === 'started') return;
    const startedAt = performance.now();
    const { id } = entry.record;
    await refuseWhileLingering(entry);
    const refusal = options.refusal(id);
    if (refusal !== null) throw new HostError(422, 'SANDBOX_UNAVAILABLE', refusal);
    const others = [...entries.values()].filter(
      (other) => other !== entry && (other.isStarting || stateOf(other) === 'started'),
    );
    refuseAbove('running sandbox', others.length, options.quotas.maxRunning);
    entry.isStarting = true;
    let namespace: Namespace | null = null;
    try {
      namespace = await options.start(entry.record, records.folderOf(id), limitsOf(entry.record));
      // One that no later host process could find must not run.
      await records.writeIdentity(id, namespace.identity);
      entry.namespace = namespace;
      entry.stopReason = null;
      entry.lastActivityAt = Date.now();
    } catch (error) {
      logger.error({ sandboxId: id, error }, 'sandbox failed to start');
      if (error instanceof LingeringError) entry.lingering = error.identity;
      else if (namespace && !(await namespace.kill())) entry.lingering = namespace.identity;
      if (entry.lingering) await keepLingering(id, entry.lingering);
      await cleanUp(entry);
      if (!(error instanceof NamespaceError)) throw error;
      const { reason, remedy } = explainFailure(error.message);
      throw new HostError(422, 'SANDBOX_UNAVAILABLE', `${reason} ${remedy}`);
    } finally {
      entry.isStarting = false;
    }
    await keepArchived(entry, false);
    logger.info({ sandboxId: id, durationMs: Math.round(performance.now() - startedAt) }, 'sandbox started');
  }

  /** What SIGKILL does not end within seconds hangs in the kernel, and still has the workspace open. */
  async function refuseWhileLingering(entry: Entry): Promise<void> {
    if (!entry.lingering) return;
    if (isAlive(entry.lingering)) {
      throw new HostError(503, 'SANDBOX_STOPPING', 'The processes of this sandbox have not ended yet.');
    }
    entry.lingering = null;
    await cleanUp(entry);
  }

  /** For a later host process; nothing was written yet, or writing is what failed. */
  async function keepLingering(id: string, identity: ProcessIdentity): Promise<void> {
    await records.writeIdentity(id, identity).catch((error: unknown) => {
      logger.error(
        { sandboxId: id, pid: identity.pid, error },
        'what still runs of a sandbox is not recorded',
      );
    });
  }

  /** Of one that does not run: nothing when it has been started again meanwhile. */
  async function cleanUp({ namespace, lingering, record }: Entry): Promise<void> {
    if (namespace || lingering) return;
    await records.removeIdentity(record.id);
    await options.onStopped(record.id);
  }

  async function stopEntry(entry: Entry, reason: string): Promise<void> {
    const { namespace, record } = entry;
    if (!namespace) return;
    entry.namespace = null;
    entry.stopReason = reason;
    const isGone = await namespace.kill();
    if (!isGone) entry.lingering = namespace.identity;
    await cleanUp(entry);
    logger[isGone ? 'info' : 'error']({ sandboxId: record.id, reason, isGone }, 'sandbox stopped');
  }

  async function makeFolders(record: SandboxRecord): Promise<void> {
    const folder = records.folderOf(record.id);
    for (const name of ['workspace', 'run']) {
      await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
      if (options.givesUserIds) await chown(join(folder, name), record.userId, record.userId);
    }
  }

  return {
    async create({ name, labels, autoStopMinutes, ...others }) {
      refuseIfImpossible();
      refuseAbove('sandbox', entries.size, options.quotas.maxCount);
      const id = randomUUID();
      const isTaken = [...entries.values()].some(({ record }) => record.name === name);
      if (isTaken) throw new HostError(409, 'SANDBOX_NAME_TAKEN', 'A sandbox of this name exists.');
      const userIds = [...entries.values()].map(({ record }) => record.userId);
      const record: SandboxRecord = {
        id,
        name: name ?? id,
        labels: { ...labels },
        createdAt: new Date().toISOString(),
        autoStopMinutes: autoStopMinutes ?? defaultAutoStopMinutes,
        userId: options.hasOwnUserIds ? Math.max(firstUserId, ...userIds) + 1 : firstUserId,
        memoryBytes: others.memoryBytes ?? null,
        diskBytes: others.diskBytes ?? null,
        isNetworkBlocked: others.isNetworkBlocked ?? false,
        allowedDomains: others.allowedDomains ? [...others.allowedDomains] : null,
        isArchived: false,
      };
      const entry = newEntry(record);
      entries.set(id, entry);
      try {
        await inOrder(entry, async () => {
          await makeFolders(record);
          await records.write(record);
          await startEntry(entry);
        });
      } catch (error) {
        // What still runs has its folders open: it stays as a sandbox that is stopped, until it can be removed.
        if (entry.lingering) throw error;
        entries.delete(id);
        await records.remove(id).catch((failure: unknown) => {
          logger.warn({ sandboxId: id, error: failure }, 'what was made of a sandbox stays');
        });
        throw error;
      }
      return view(entry);
    },
    find: (idOrName) => view(findEntry(idOrName)),
    async start(id) {
      const entry = findEntry(id);
      await inOrder(entry, () => startEntry(entry));
      return view(entry);
    },
    async stop(id, { namespace, reason = 'it was asked to' } = {}) {
      const entry = findEntry(id);
      await inOrder(entry, async () => {
        if (!namespace || entry.namespace === namespace) await stopEntry(entry, reason);
      });
      return view(entry);
    },
    async remove(id) {
      const entry = findEntry(id);
      await inOrder(entry, async () => {
        await stopEntry(entry, 'it is removed');
        await refuseWhileLingering(entry);
        if (!entries.delete(id)) throw notFound();
        await records.remove(id);
        logger.info({ sandboxId: id }, 'sandbox removed');
      });
      return view(entry);
    },
    async archive(id) {
      const entry = findEntry(id);
      await inOrder(entry, async () => {
        if (stateOf(entry) === 'started') {
          throw new HostError(409, 'SANDBOX_NOT_STOPPED', 'The sandbox is not stopped.');
        }
        if (!entries.has(id)) throw notFound();
        await keepArchived(entry, true);
      });
      return view(entry);
    },
    enter(id) {
      const entry = findEntry(id);
      entry.lastActivityAt = Date.now();
      if (stateOf(entry) !== 'started' || !entry.namespace) {
        const because = entry.stopReason === null ? '' : `: ${entry.stopReason}`;
        throw new HostError(409, 'SANDBOX_NOT_STARTED', `The sandbox is not started${because}.`);
      }
      const visit: Visit = {
        namespace: entry.namespace,
        leave() {
          if (entry.visits.delete(visit)) entry.lastActivityAt = Date.now();
        },
      };
      entry.visits.add(visit);
      return visit;
    },
    running: () =>
      [...entries.values()].flatMap((entry) => {
        const { namespace, record, visits } = entry;
        if (stateOf(entry) !== 'started' || !namespace) return [];
        const lastActivityAt = visits.size > 0 ? Date.now() : entry.lastActivityAt;
        const folder = records.folderOf(record.id);
        const workspace = join(folder, 'workspace');
        const limits = limitsOf(record);
        return [{ id: record.id, record, folder, namespace, workspace, lastActivityAt, limits }];
      }),
    async stopIdle() {
      const idle = [...entries.values()].filter(isIdle);
      const stops = idle.map((entry) =>
        inOrder(entry, async () => {
          // Somebody may have come while it waited for its turn.
          if (isIdle(entry)) await stopEntry(entry, 'nobody used it');
        }),
      );
      await Promise.all(stops);
    },
    async close() {
      isClosed = true;
      await Promise.all(
        [...entries.values()].map((entry) => inOrder(entry, () => stopEntry(entry, 'the host stops'))),
      );
    },
  };
}
