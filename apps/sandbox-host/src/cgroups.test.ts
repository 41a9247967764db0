import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findCgroups } from './cgroups.ts';
import { defaultLimits } from './limits.ts';

/**
 * A folder with the files that a cgroup shows of itself, at this process's own path: what is decided by reading them,
 * and what is written where. That the kernel does as it is told is not shown here.
 */
let mount = '';
let folder = '';
beforeEach(() => {
  mount = mkdtempSync(path.join(tmpdir(), 'switchyard-cgroups-'));
  const own = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  folder = path.join(mount, own);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
  writeFileSync(path.join(folder, 'cgroup.procs'), `${process.pid}\n`);
});
afterEach(() => rmSync(mount, { recursive: true }));
const read = (...names: string[]): string => readFileSync(path.join(folder, ...names), 'utf8');

describe('a cgroup of this process', () => {
  test('is used when it is alone there: it moves into a leaf, and each sandbox gets one with its limits', () => {
    // The kernel makes these files with a folder.
    mkdirSync(path.join(folder, 'sandbox-a'));
    writeFileSync(path.join(folder, 'sandbox-a', 'memory.swap.max'), 'max');
    const cgroups = findCgroups(mount, process.pid);
    expect(read('host', 'cgroup.procs')).toBe(String(process.pid));
    expect(read('cgroup.subtree_control')).toBe('+memory +pids');
    const made = cgroups?.create('a', { ...defaultLimits(), memoryBytes: 12_345, processes: 67 });
    expect(made).toBe(path.join(folder, 'sandbox-a'));
    expect(read('sandbox-a', 'memory.max')).toBe('12345');
    expect(read('sandbox-a', 'memory.swap.max')).toBe('0');
    expect(read('sandbox-a', 'pids.max')).toBe('67');
  });

  test('is left alone when others are in it', () => {
    writeFileSync(path.join(folder, 'cgroup.procs'), `1\n${process.pid}\n`);
    expect(findCgroups(mount, process.pid)).toBeNull();
    expect(existsSync(path.join(folder, 'host'))).toBe(false);
  });

  test.each(['cpu io\n', 'memory\n', '\n'])('is of no use with the controllers %j', (controllers) => {
    writeFileSync(path.join(folder, 'cgroup.controllers'), controllers);
    expect(findCgroups(mount, process.pid)).toBeNull();
  });

  test('is not there on an older hierarchy', () => {
    rmSync(path.join(folder, 'cgroup.controllers'));
    expect(findCgroups(mount, process.pid)).toBeNull();
  });
});
