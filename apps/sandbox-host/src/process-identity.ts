import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot: field 22 of /proc/pid/stat (proc_pid_stat(5)). */
  readonly startTime: string;
}

/** The identity of a living process (a zombie does not count), else null. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The name, field 2, is in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X' || startTime === undefined) return null;
  return { pid, startTime };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTime === identity.startTime;
}

/** Kills the process (SIGKILL) and waits until it is gone; false when it still lives after `timeoutMs`. */
export async function killProcess(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  if (isAlive(identity)) {
    try {
      process.kill(identity.pid, 'SIGKILL');
    } catch {
      // It ended in between.
    }
  }
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await delay(5);
  }
  return true;
}
