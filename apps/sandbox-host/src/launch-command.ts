import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { WallSources } from './wall.ts';

/** A user and group id that owns nothing on this machine but one sandbox's folders. */
export interface UnprivilegedUser {
  readonly id: number;
}

export interface LaunchCommand {
  readonly file: string;
  readonly arguments: readonly string[];
}

/**
 * Enters the sandbox's cgroup, if it has one; makes itself what the kernel ends first when this machine runs out of
 * memory; and closes what this process was started with (a terminal's, a launcher's or a test runner's pipes): the
 * sandbox gets descriptors 0 to 4 alone. dash cannot name a descriptor above 9, so bash runs it where there is one.
 */
const enterScript = `cgroup=$1; shift
if [ -n "$cgroup" ]; then echo $$ > "$cgroup/cgroup.procs" || exit 1; fi
{ echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null || :
for path in /proc/self/fd/*; do
  fd=\${path##*/}
  if [ "$fd" -gt 4 ] && [ -e "$path" ]; then eval "exec $fd>&-"; fi
done
`;

/**
 * Mounts what the sandbox will see at a path that every user may walk, in a mount namespace of its own, and goes on
 * as what follows `--`. A repository below a 0700 home works this way, and none of its folders has to be opened.
 */
const stageScript = `set -e
stage=$1; shift
mount -t tmpfs -o mode=0755,size=64k switchyard "$stage"
while [ "$1" != -- ]; do
  if [ -d "$2" ]; then mkdir "$stage/$1"; else : > "$stage/$1"; fi
  mount --bind "$2" "$stage/$1"
  shift 2
done
shift
exec "$@"`;

/** The tool's absolute path, looked for where distributions put system tools: the started process has no PATH. */
export function findTool(name: string): string | null {
  const folders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** Where the sources stand for the starting user once `stageScript` has run. */
function stagedPath(stage: string, name: keyof WallSources | 'bwrap'): string {
  return join(stage, name);
}

/**
 * How bwrap is started. As root: mounts staged, then the user id dropped for good, then bwrap, which root must never
 * start itself (the guest would own the kernel's settings). As anybody else: bwrap as it is.
 */
export function buildLaunch({
  bwrapPath,
  sources,
  stage,
  user,
  cgroup,
}: {
  readonly bwrapPath: string;
  readonly sources: WallSources;
  /** An empty folder that every user may enter; used by root only. */
  readonly stage: string;
  /** Null: bwrap is started by the user that runs this process. */
  readonly user: UnprivilegedUser | null;
  /** The folder of the sandbox's cgroup. */
  readonly cgroup: string | null;
}): { readonly sources: WallSources; command(bwrapArguments: readonly string[]): LaunchCommand } {
  // bash takes a socket as standard input, which is what pipes of Node are, for a login from afar and reads ~/.bashrc.
  const bash = findTool('bash');
  const shell = bash ? [bash, '--norc', '--noprofile', '-c'] : ['/bin/sh', '-c'];
  if (!user) {
    const script = `${enterScript}exec "$@"`;
    return {
      sources,
      command: (bwrapArguments) => ({
        file: shell[0] ?? '/bin/sh',
        arguments: [...shell.slice(1), script, 'sh', cgroup ?? '', bwrapPath, ...bwrapArguments],
      }),
    };
  }
  const unshare = findTool('unshare') ?? 'unshare';
  const setpriv = findTool('setpriv') ?? 'setpriv';
  const { egress, ...others } = sources;
  const mounted = Object.entries({ ...others, ...(egress === null ? {} : { egress }) });
  const staged: WallSources = {
    workspace: stagedPath(stage, 'workspace'),
    run: stagedPath(stage, 'run'),
    egress: egress === null ? null : stagedPath(stage, 'egress'),
    node: stagedPath(stage, 'node'),
    inside: stagedPath(stage, 'inside'),
    etc: stagedPath(stage, 'etc'),
  };
  const mounts = [...mounted.flat(), 'bwrap', bwrapPath];
  return {
    sources: staged,
    command: (bwrapArguments) => ({
      file: unshare,
      arguments: [
        '--mount',
        '--propagation',
        'private',
        '--',
        ...shell,
        enterScript + stageScript,
        'sh',
        cgroup ?? '',
        stage,
        ...mounts,
        '--',
        setpriv,
        '--reuid',
        String(user.id),
        '--regid',
        String(user.id),
        '--clear-groups',
        '--inh-caps=-all',
        '--no-new-privs',
        '--',
        stagedPath(stage, 'bwrap'),
        ...bwrapArguments,
      ],
    }),
  };
}
