import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SandboxLimits } from './limits.ts';

/** A cgroup (version 2) of this process in which it may make others: the kernel itself keeps sandboxes to their limits. */
export interface Cgroups {
  /** Makes the sandbox's cgroup, or takes the one that is left; gives its folder, for the starting shell to enter. */
  create(sandboxId: string, limits: SandboxLimits): string;
  /** Once its processes are gone; what cannot be removed stays and costs nothing. */
  remove(sandboxId: string): Promise<void>;
}

const controllers = ['memory', 'pids'];
const mountPoint = '/sys/fs/cgroup';
/** A killed process leaves its cgroup a moment after it is gone. */
const removalMs = 2_000;

/**
 * Null where there is none: an older hierarchy, a container whose cgroups are read-only, a cgroup of somebody else,
 * or one that this process shares with others, whom it does not move. A systemd service with `Delegate=yes` has one.
 */
export function findCgroups(mount = mountPoint, ownPid = process.pid): Cgroups | null {
  try {
    const own = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
    const folder = join(mount, own);
    const known = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ');
    if (!controllers.every((name) => known.includes(name))) return null;
    accessSync(folder, constants.W_OK);
    return openCgroups(folder, ownPid);
  } catch {
    return null;
  }
}

/** The rule of cgroups: processes stand in leaves only, so this one moves into a leaf beside its sandboxes'. */
function openCgroups(folder: string, ownPid: number): Cgroups | null {
  const inhabitants = readFileSync(join(folder, 'cgroup.procs'), 'utf8').trim().split('\n');
  const isAlone = inhabitants.every((pid) => pid === '' || pid === String(ownPid));
  if (!isAlone) return null;
  const leaf = join(folder, 'host');
  mkdirSync(leaf, { recursive: true });
  writeFileSync(join(leaf, 'cgroup.procs'), String(ownPid));
  writeFileSync(join(folder, 'cgroup.subtree_control'), controllers.map((name) => `+${name}`).join(' '));
  const folderOf = (sandboxId: string): string => join(folder, `sandbox-${sandboxId}`);
  return {
    create(sandboxId, limits) {
      const path = folderOf(sandboxId);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'memory.max'), String(limits.memoryBytes));
      if (existsSync(join(path, 'memory.swap.max'))) writeFileSync(join(path, 'memory.swap.max'), '0');
      writeFileSync(join(path, 'pids.max'), String(limits.processes));
      return path;
    },
    async remove(sandboxId) {
      const path = folderOf(sandboxId);
      for (const deadline = performance.now() + removalMs; performance.now() < deadline; await delay(20)) {
        if (!readdirSync(folder).includes(`sandbox-${sandboxId}`)) return;
        await rmdir(path).catch(() => undefined);
      }
    },
  };
}
