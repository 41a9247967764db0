import { readdirSync, readFileSync } from 'node:fs';

/** The processes that descend from one, it not included. */
export function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(Number(name));
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  for (let wanted = [pid]; wanted.length > 0;) {
    wanted = wanted.flatMap((one) => children.get(one) ?? []);
    found.push(...wanted);
  }
  return found;
}

function parentOf(pid: number): number | null {
  const stat = read(pid, 'stat');
  // The name, in parentheses, may hold anything; behind it come the state and the parent.
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** What a process adds to the machine's use: what it shares counts by its share. 0 when it is gone. */
export function proportionalBytes(pid: number): number {
  return kilobytesOf(read(pid, 'smaps_rollup'), 'Pss') * 1024;
}

/** Its resident set. */
export function residentBytes(pid: number): number {
  return kilobytesOf(read(pid, 'status'), 'VmRSS') * 1024;
}

/** Looks at resident sets every 50 ms, until it is stopped. */
export function watchMemory<Name extends string>(pids: Readonly<Record<Name, number>>) {
  const sizes = () => mapped(pids, residentBytes);
  const before = sizes();
  let most = before;
  const timer = setInterval(() => {
    const now = sizes();
    most = mapped(most, (bytes, name) => Math.max(bytes, now[name]));
  }, 50);
  const since = (later: Readonly<Record<Name, number>>) =>
    mapped(later, (bytes, name) => bytes - before[name]);
  return {
    /** How much more each held than in the beginning, at most. */
    growth: () => since(most),
    growthNow: () => since(sizes()),
    stop: () => clearInterval(timer),
  };
}

function mapped<Name extends string>(
  values: Readonly<Record<Name, number>>,
  to: (value: number, name: Name) => number,
): Record<Name, number> {
  const names = Object.keys(values) as Name[];
  return Object.fromEntries(names.map((name) => [name, to(values[name], name)])) as Record<Name, number>;
}

function kilobytesOf(text: string | null, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text ?? '')?.[1] ?? 0);
}

function read(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return null;
  }
}
