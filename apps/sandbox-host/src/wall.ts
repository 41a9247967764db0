import type { Defence } from './defences.ts';
import { dataBytesOfProcess, type SandboxLimits } from './limits.ts';

/** Paths, as the starting user sees them, of what is mounted into the sandbox. */
export interface WallSources {
  /** The project's folder → /workspace, writable. */
  readonly workspace: string;
  /** The folder of the init's socket → /run/switchyard. */
  readonly run: string;
  /** The folder of the proxy's socket → /run/egress; null: no way out. */
  readonly egress: string | null;
  /** A node binary → /opt/node/bin/node. */
  readonly node: string;
  /** The init's files → /opt/switchyard. */
  readonly inside: string;
  /** The generated files of /etc. */
  readonly etc: string;
}

/** What came to bwrap late: Ubuntu 22.04 (0.6) has neither. 0.5 is the least that works at all (`--perms`). */
export interface BwrapFeatures {
  /** `--size`, since 0.7: without it memory file systems may grow to half of the machine's memory. */
  readonly canLimitSize: boolean;
  /** `--disable-userns`, since 0.8: without it only the system call filter stands against nested namespaces. */
  readonly canDisableNesting: boolean;
}

export interface WallOptions {
  readonly sources: WallSources;
  readonly features: BwrapFeatures;
  readonly defences: ReadonlySet<Defence>;
  /** How the host's own /bin, /lib … look: a link into /usr, a folder, or nothing. */
  readonly systemFolders: readonly SystemFolder[];
  /** File descriptors that the starting process was given. */
  readonly seccompFd: number;
  readonly infoFd: number;
}

export type SystemFolder =
  | { readonly path: string; readonly kind: 'folder' }
  | { readonly path: string; readonly kind: 'link'; readonly target: string };

/** Names under which the generated files stand in `sources.etc` and in /etc. */
export const generatedEtcFiles = ['passwd', 'group', 'hosts', 'resolv.conf', 'nsswitch.conf'] as const;

/** Public, and needed by loaders, TLS, time zones and Debian's alternatives. */
const etcPaths = [
  'alternatives',
  'ssl',
  'ca-certificates',
  'pki',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
];

/** What is to be seen without `selected-folders`: homes, logs, services' data, the machine's parts. */
const foldersOfTheMachine = ['/root', '/home', '/var', '/srv', '/boot', '/sys'];

const mebibyte = 1024 * 1024;
/** Sizes of what lives in memory (guesses: enough for package caches and logs, too little to hurt the machine). */
const tmpfsBytes = { '/tmp': 512 * mebibyte, '/home/user': 512 * mebibyte, '/run': mebibyte };

const environmentInside = {
  PATH: '/opt/node/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin',
  HOME: '/home/user',
  USER: 'user',
  LOGNAME: 'user',
  SHELL: '/bin/sh',
  LANG: 'C.UTF-8',
  TMPDIR: '/tmp',
  TERM: 'dumb',
  PAGER: 'cat',
};

/** For the programs that know these names; Node's own `fetch` needs the last. 3128 is the init's relay. */
const proxyEnvironment = {
  HTTP_PROXY: 'http://127.0.0.1:3128',
  HTTPS_PROXY: 'http://127.0.0.1:3128',
  http_proxy: 'http://127.0.0.1:3128',
  https_proxy: 'http://127.0.0.1:3128',
  NO_PROXY: 'localhost,127.0.0.1,::1',
  no_proxy: 'localhost,127.0.0.1,::1',
  NODE_USE_ENV_PROXY: '1',
};

/** Limits by prlimit(1), set inside, where the count of processes is the namespace's own (Linux ≥ 5.14). */
function resourceLimits(limits: SandboxLimits): string[] {
  return [
    `--nproc=${limits.processes}`,
    // Guess: twice what bundlers and browsers open.
    '--nofile=4096',
    `--fsize=${limits.diskBytes}`,
    `--data=${dataBytesOfProcess(limits)}`,
    '--core=0',
  ];
}

function mountSystem({ sources, defences, systemFolders }: WallOptions): string[] {
  const bind = defences.has('read-only-system') ? '--ro-bind' : '--bind';
  // A package may have been removed since they were looked up.
  const folders = systemFolders.flatMap((folder) =>
    folder.kind === 'link'
      ? ['--symlink', folder.target, folder.path]
      : [`${bind}-try`, folder.path, folder.path],
  );
  const etc = defences.has('selected-etc')
    ? etcPaths.flatMap((name) => [`${bind}-try`, `/etc/${name}`, `/etc/${name}`])
    : [bind, '/etc', '/etc'];
  const generated = generatedEtcFiles.flatMap((name) => [bind, `${sources.etc}/${name}`, `/etc/${name}`]);
  const others = defences.has('selected-folders')
    ? []
    : foldersOfTheMachine.flatMap((path) => ['--bind-try', path, path]);
  return [...folders, ...etc, ...generated, ...others];
}

function mountDevices({ features, defences }: WallOptions): string[] {
  return defences.has('private-devices')
    ? ['--dev', '/dev', ...mountTmpfs(features, '/dev/shm', 256 * mebibyte, '1777'), '--remount-ro', '/dev']
    : ['--dev-bind', '/dev', '/dev'];
}

/** Processes, names and numbers of users, and what they may do. */
function buildNamespaces({ defences, features }: WallOptions): string[] {
  const id = defences.has('unprivileged-uid') ? '1000' : '0';
  return [
    ...(defences.has('user-namespace') ? ['--unshare-user', '--uid', id, '--gid', id] : []),
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(defences.has('pid-namespace') ? ['--unshare-pid'] : []),
    ...(defences.has('network-namespace') ? ['--unshare-net'] : []),
    ...(defences.has('no-nested-namespaces') && features.canDisableNesting ? ['--disable-userns'] : []),
    ...(defences.has('no-capabilities') ? ['--cap-drop', 'ALL'] : ['--cap-add', 'ALL']),
    '--hostname',
    'sandbox',
    '--new-session',
  ];
}

function mountTmpfs({ canLimitSize }: BwrapFeatures, path: string, size: number, mode: string): string[] {
  return [...(canLimitSize ? ['--size', String(size)] : []), '--perms', mode, '--tmpfs', path];
}

function mountMemory({ defences, features }: WallOptions): string[] {
  return Object.entries(tmpfsBytes).flatMap(([path, size]) =>
    path === '/tmp' && !defences.has('private-tmp')
      ? ['--bind', '/tmp', '/tmp']
      : mountTmpfs(features, path, size, path === '/tmp' ? '1777' : '0755'),
  );
}

/** bwrap's options, which build the wall. */
export function buildWallArguments(options: WallOptions): string[] {
  const { sources, defences } = options;
  return [
    ...buildNamespaces(options),
    '--clearenv',
    ...Object.entries({
      ...environmentInside,
      ...(sources.egress === null ? {} : proxyEnvironment),
    }).flatMap(([name, value]) => ['--setenv', name, value]),
    ...mountSystem(options),
    ...(defences.has('pid-namespace') ? ['--proc', '/proc'] : ['--bind', '/proc', '/proc']),
    ...mountDevices(options),
    ...mountMemory(options),
    '--ro-bind',
    sources.node,
    '/opt/node/bin/node',
    defences.has('read-only-system') ? '--ro-bind' : '--bind',
    sources.inside,
    '/opt/switchyard',
    '--bind',
    sources.run,
    '/run/switchyard',
    ...(sources.egress === null ? [] : ['--ro-bind', sources.egress, '/run/egress']),
    '--bind',
    sources.workspace,
    '/workspace',
    '--remount-ro',
    '/',
    '--chdir',
    '/workspace',
    ...(defences.has('seccomp') ? ['--seccomp', String(options.seccompFd)] : []),
    '--info-fd',
    String(options.infoFd),
  ];
}

/**
 * What bwrap starts behind the wall; readable inside, so it names no path of this machine. pid 1 of the namespace is
 * bwrap's own reaper, which ends when the init has ended and every process with it.
 */
export function buildInitCommand(defences: ReadonlySet<Defence>, limits: SandboxLimits): string[] {
  return [
    ...(defences.has('resource-limits') ? ['/usr/bin/prlimit', ...resourceLimits(limits)] : []),
    '/opt/node/bin/node',
    '--max-old-space-size=192',
    '/opt/switchyard/init.mjs',
  ];
}
