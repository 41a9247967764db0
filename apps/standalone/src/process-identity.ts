import { readFileSync } from 'node:fs';

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** In ticks since the machine's start; null where the system does not tell (macOS). */
  readonly startTime: string | null;
}

/** The identity of a living process. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTime: readStartTime(pid) };
}

/** True while this very process lives; a zombie does not. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return startTime === null || readStartTime(pid) === startTime;
}

/** Field 22 of proc(5) stat, counted after the command's name, which may hold spaces and parentheses. */
function readStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : (fields[19] ?? null);
  } catch {
    return process.platform === 'linux' ? 'ended' : null;
  }
}
