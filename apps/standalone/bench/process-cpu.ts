import { readFileSync } from 'node:fs';

/** USER_HZ, in which Linux counts for user space on every architecture that Node runs on; see proc(5). */
const ticksPerSecond = 100;

/** Processor time that a process has used so far, all threads and the kernel's work for it included; to 10 ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold anything; of what comes behind it utime and stime are the 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}
