import { type CpuBudget, createCpuBudget } from './cpu-budget.ts';
import {
  type MachineMemory,
  type ProcessMemory,
  readMachineMemory,
  readOwnShare,
  readProcess,
} from './measure-memory.ts';
import { readDeletedMappings } from './read-mappings.ts';
import type { WatchedSandbox } from './watched-sandbox.ts';

/** Giving some gigabytes back takes a killed process longer than that. */
const dyingMs = 2_000;
/** What is still over its limit after so many looks in a row makes processes faster than they are killed. */
const maxLooksOver = 25;
const maxLooksInVain = 5;
/** Of the machine's memory: below it the kernel is close to ending whatever it likes. */
const minFreeMemoryShare = 0.04;
/** Inside: bwrap's reaper is process 1 and the init is 2; without them there is no sandbox. */
const lastNeededPid = 2;
/** For one sandbox at one look: a browser's processes take a tenth of it. */
const defaultMaxCpuMs = 200;

type Sandbox = Pick<WatchedSandbox, 'id' | 'pid' | 'limits'>;

/** A sandbox and all its processes, at one look. */
export interface Family {
  readonly sandbox: Sandbox;
  readonly family: readonly ProcessMemory[];
}

/** What a look at the sandboxes' memory has found and done. */
export interface MemoryReport {
  /** The largest share of its limit that any sandbox uses. */
  readonly share: number;
  readonly killed: readonly { sandboxId: string; usedBytes: number; pid: number; bytes: number }[];
  readonly toStop: readonly { sandbox: Pick<WatchedSandbox, 'id' | 'pid'>; reason: string }[];
}

/** Each process with what it alone accounts for, as far as that could be told. */
interface MemoryUse extends Family {
  /** Bytes. */
  readonly used: number;
  readonly isKnown: boolean;
}

interface Sharing {
  /** Of which look it is; the oldest are renewed first. */
  readonly lookedAt: number;
  /** Bytes of the process's memory, and of its shared memory, that others account for. */
  readonly bytes: number;
  readonly sharedBytes: number;
}

/** Gives the look at the sandboxes' memory: one that uses too much loses its largest processes. */
export function watchMemory({ maxCpuMs = defaultMaxCpuMs } = {}): (
  families: readonly Family[],
  machine?: MachineMemory,
) => MemoryReport {
  /** Looks in a row at which it used too much memory. */
  const looksOver = new Map<string, number>();
  /** Looks in a row at which nobody could tell. */
  const looksInVain = new Map<string, number>();
  /** What each process was found not to be alone in, when it was last looked at closely. */
  const sharing = new Map<string, Sharing>();
  /** Killed processes and when: their memory is as good as free. */
  const dying = new Map<string, number>();

  return function look(families, machine = readMachineMemory()) {
    const killed: MemoryReport['killed'][number][] = [];
    const toStop: MemoryReport['toStop'][number][] = [];
    const isMachineShort = machine.availableBytes < minFreeMemoryShare * machine.totalBytes;
    for (const [key, killedAt] of dying) if (Date.now() - killedAt > dyingMs) dying.delete(key);
    const uses = families.map(({ sandbox, family }) => {
      const living = family.filter((member) => !dying.has(keyOf(member)));
      return measureUse({
        sandbox,
        family: living,
        isMachineShort,
        sharedBytes: machine.sharedBytes,
        sharing,
        maxCpuMs,
      });
    });
    const keys = new Set(families.flatMap(({ family }) => family.map(keyOf)));
    for (const key of sharing.keys()) if (!keys.has(key)) sharing.delete(key);
    const chosen = choose(uses, isMachineShort ? minFreeMemoryShare * machine.totalBytes : null);
    for (const id of looksOver.keys()) {
      if (!chosen.some(({ sandbox }) => sandbox.id === id)) looksOver.delete(id);
    }
    for (const use of chosen) relieve(use);
    for (const { sandbox, isKnown } of uses) {
      const count = isKnown ? 0 : (looksInVain.get(sandbox.id) ?? 0) + 1;
      looksInVain.set(sandbox.id, count);
      if (count >= maxLooksInVain) stop(sandbox, 'its memory could not be measured in time');
    }
    for (const id of looksInVain.keys()) {
      if (!families.some(({ sandbox }) => sandbox.id === id)) looksInVain.delete(id);
    }
    return {
      share: Math.max(0, ...uses.map(({ used, sandbox }) => used / sandbox.limits.memoryBytes)),
      killed,
      toStop,
    };

    function stop({ id, pid }: Sandbox, reason: string): void {
      toStop.push({ sandbox: { id, pid }, reason });
    }

    /** Kills the largest processes until the others fit. */
    function relieve({ sandbox, family, used }: MemoryUse): void {
      const count = (looksOver.get(sandbox.id) ?? 0) + 1;
      looksOver.set(sandbox.id, count);
      // Processes that end while they are looked at leave their share to the others: one look may count it twice.
      if (count === 1) return;
      let left = used;
      for (const member of family.toSorted((one, other) => other.bytes - one.bytes)) {
        if (member.innerPid <= lastNeededPid || count > maxLooksOver)
          return stop(sandbox, 'it used too much memory');
        left -= member.bytes;
        if (kill(member)) {
          dying.set(keyOf(member), Date.now());
          killed.push({ sandboxId: sandbox.id, usedBytes: used, pid: member.pid, bytes: member.bytes });
        }
        if (left <= sandbox.limits.memoryBytes) return;
      }
    }
  };
}

/**
 * Who has to give something back: all who are known to be over their limit; when the machine runs short although nobody is, who
 * has most, if that is as much as is lacking. Otherwise it is not the sandboxes that use it up.
 */
function choose(uses: readonly MemoryUse[], lackingBytes: number | null): readonly MemoryUse[] {
  const over = uses.filter(({ used, sandbox, isKnown }) => isKnown && used > sandbox.limits.memoryBytes);
  if (over.length > 0 || lackingBytes === null) return over;
  const [fattest] = uses.toSorted((one, other) => other.used - one.used);
  return fattest && fattest.used >= lackingBytes ? [fattest] : [];
}

/**
 * No closer than it matters: who is far from its limit even with all shared memory of the machine is counted roughly.
 * What one look has no time for the next ones do: until then a process shares what it did when it was looked at last.
 */
function measureUse({
  sandbox,
  family,
  isMachineShort,
  sharedBytes,
  sharing,
  maxCpuMs,
}: {
  readonly sandbox: Sandbox;
  readonly family: readonly ProcessMemory[];
  readonly isMachineShort: boolean;
  readonly sharedBytes: number;
  readonly sharing: Map<string, Sharing>;
  readonly maxCpuMs: number;
}): MemoryUse {
  const { memoryBytes } = sandbox.limits;
  const budget = createCpuBudget(maxCpuMs);
  const isClose = sumBytes(family) > memoryBytes;
  if (isClose) {
    const lastLook = (member: ProcessMemory): number => sharing.get(keyOf(member))?.lookedAt ?? 0;
    for (const member of family.toSorted((one, other) => lastLook(one) - lastLook(other))) {
      if (budget.isSpent()) break;
      const own = budget.spend(() => readOwnShare(member));
      const bytes = member.bytes - own.bytes;
      sharing.set(keyOf(member), {
        lookedAt: performance.now(),
        bytes,
        sharedBytes: member.sharedBytes - own.sharedBytes,
      });
    }
  }
  const shares = isClose ? family.map((member) => withoutShared(member, sharing.get(keyOf(member)))) : family;
  const isKnown = !isClose || family.every((member) => sharing.has(keyOf(member)));
  const known = { sandbox, family: shares, used: sumBytes(shares), isKnown };
  if (!isMachineShort && known.used + sharedBytes <= memoryBytes) return known;
  return addHidden(known, { sharedBytes, budget });
}

/**
 * Adds the shared memory that the processes reach and none is charged for. Each is counted with all that it reaches,
 * since it is given back when the last of them ends.
 */
function addHidden(
  use: MemoryUse,
  { sharedBytes, budget }: { readonly sharedBytes: number; readonly budget: CpuBudget },
): MemoryUse {
  const reached = new Map<number, number>();
  let isKnown = use.isKnown;
  const family = use.family.map((member) => {
    const deleted = readDeletedMappings(member.folder, budget);
    if (deleted === null) isKnown = false;
    const mappings = (deleted ?? []).filter((mapping) => mapping.isSharedMemory);
    for (const { inode, bytes } of mappings) reached.set(inode, bytes);
    const own = mappings.reduce((sum, { bytes }) => sum + bytes, 0);
    return { ...member, bytes: member.bytes - member.sharedBytes + Math.max(member.sharedBytes, own) };
  });
  const all = Math.min(
    sharedBytes,
    [...reached.values()].reduce((sum, bytes) => sum + bytes, 0),
  );
  const charged = use.family.reduce((sum, member) => sum + member.sharedBytes, 0);
  return { ...use, family, used: use.used + Math.max(0, all - charged), isKnown };
}

function withoutShared(process: ProcessMemory, shared: Sharing | undefined): ProcessMemory {
  return {
    ...process,
    bytes: Math.max(0, process.bytes - (shared?.bytes ?? 0)),
    sharedBytes: Math.max(0, process.sharedBytes - (shared?.sharedBytes ?? 0)),
  };
}

function sumBytes(family: readonly ProcessMemory[]): number {
  return family.reduce((total, { bytes }) => total + bytes, 0);
}

function keyOf({ pid, innerPid }: ProcessMemory): string {
  return `${pid} ${innerPid}`;
}

/** False when it has ended: its id may be another process's by now, and of root's reach none is safe. */
function kill({ pid, innerPid }: ProcessMemory): boolean {
  if (readProcess(pid)?.innerPid !== innerPid) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
