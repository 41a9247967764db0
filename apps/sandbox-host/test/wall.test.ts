import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Defence } from '../src/wall.ts';
import { runIn, startTestHost, temporaryFolder, type TestHost } from './test-host.ts';

/**
 * Each probe is one command that prints `REACHED` when it got through. It must fail behind the whole wall, and
 * succeed, word for word the same, when the smallest set of defences that stands against it is off: a probe that
 * cannot succeed proves nothing.
 */
interface Probe {
  readonly name: string;
  readonly command: (neighbour: Neighbour) => string;
  /** For a host that runs as root, and for one that does not; null where the machine itself says no already. */
  readonly without: readonly Defence[] | null;
}

/** Another sandbox of the same host, as the host's machine sees it. */
interface Neighbour {
  readonly incarnation: string;
  readonly workspace: string;
  readonly pid: number;
}

const isRoot = process.getuid?.() === 0;
const environmentSecret = `environment-${randomUUID()}`;
const fileSecret = `file-${randomUUID()}`;
const answerSecret = `answer-${randomUUID()}`;
const neighbourSecret = `neighbour-${randomUUID()}`;

const folders: { dataDir: string; open: string; private: string } = { dataDir: '', open: '', private: '' };
const probeProjectId = randomUUID();
let hostPort = 0;
let wallHost: TestHost;
let wallNeighbour: Neighbour;
const cleanups: (() => Promise<unknown>)[] = [];
/** Sandboxes without a /tmp of their own keep outputs in this machine's. */
const outsidePlaces: string[] = [];

beforeAll(async () => {
  const data = await temporaryFolder();
  const open = await temporaryFolder();
  cleanups.push(data.remove, open.remove);
  folders.dataDir = data.path;
  folders.open = open.path;
  await chmod(folders.open, 0o777);
  folders.private = path.join(folders.open, 'private');
  await writeFile(folders.private, fileSecret, { mode: 0o600 });

  const server = createServer((_request, response) => response.end(answerSecret));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  hostPort = (server.address() as AddressInfo).port;

  wallHost = await startTestHost(folders.dataDir);
  cleanups.push(wallHost.close);
  wallNeighbour = await startNeighbour(wallHost, folders.dataDir);
});
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  for (const token of outsidePlaces) await rm(`/tmp/.switchyard-${token}`, { recursive: true, force: true });
});

async function startNeighbour({ host, open }: TestHost, dataDir: string): Promise<Neighbour> {
  const sandbox = await open(randomUUID());
  await runIn(sandbox, `echo ${neighbourSecret} > secret`);
  return {
    incarnation: sandbox.incarnation,
    workspace: path.join(dataDir, 'sandboxes', sandbox.id, 'workspace'),
    pid: host.registry.running().find(({ id }) => id === sandbox.id)?.namespace.identity.pid ?? 0,
  };
}

/** What the probe prints in a fresh sandbox, behind the whole wall or without these defences. */
async function runProbe({ command }: Probe, without: readonly Defence[]): Promise<string> {
  if (without.length === 0) return runIn(await wallHost.open(probeProjectId), command(wallNeighbour));
  const data = await temporaryFolder();
  const host = await startTestHost(data.path, {
    withoutDefences: without,
    environment: { SECRET_OF_THE_HOST: environmentSecret },
  });
  try {
    const neighbour = await startNeighbour(host, data.path);
    const sandbox = await host.open(randomUUID());
    outsidePlaces.push(...[sandbox, neighbour].map(({ incarnation }) => incarnation.split('@')[1] ?? ''));
    return await runIn(sandbox, command(neighbour));
  } finally {
    await host.close();
    await data.remove();
  }
}

/** Makes a system call by number; prints REACHED unless it is refused. Perl is on every Debian. */
const systemCall = (number: number, ...parameters: number[]): string =>
  `perl -e 'my $r = syscall(${[number, ...parameters].join(', ')}); print $r == -1 ? "refused: $!\\n" : "REACHED\\n"'`;

/** The same where success needs arguments that are too much work: another error than the filter's is through. */
const systemCallPasses = (number: number, errno: number, ...parameters: number[]): string =>
  `perl -e 'my $r = syscall(${[number, ...parameters].join(', ')}); print $r == -1 && $! == ${errno} ? "refused: $!\\n" : "REACHED\\n"'`;

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;
const asRoot = (forRoot: readonly Defence[] | null, forUser: readonly Defence[] | null) =>
  isRoot ? forRoot : forUser;

const probes: readonly Probe[] = [
  {
    name: 'write a system file',
    command: () => 'echo "# probe" >> /etc/hosts && echo REACHED',
    without: asRoot(['read-only-system', 'unprivileged-uid'], ['read-only-system']),
  },
  {
    name: 'write into a folder of the machine that is open to everybody',
    command: () => `echo x > ${folders.open}/written && echo REACHED`,
    without: ['private-tmp'],
  },
  {
    name: "read a private file of the host's user",
    command: () => `grep -q ${fileSecret} ${folders.private} && echo REACHED`,
    without: asRoot(['private-tmp', 'unprivileged-uid'], ['private-tmp']),
  },
  {
    name: 'read /etc/shadow',
    command: () => 'grep -q "^root:" /etc/shadow && echo REACHED',
    without: asRoot(['selected-etc', 'unprivileged-uid'], null),
  },
  {
    name: "see the host's processes",
    command: () =>
      `[ -e /proc/${process.pid}/stat ] && grep -q node /proc/${process.pid}/cmdline && echo REACHED`,
    without: ['pid-namespace'],
  },
  {
    name: "signal the host's process",
    command: () => `kill -0 ${process.pid} && echo REACHED`,
    without: asRoot(['pid-namespace', 'unprivileged-uid'], ['pid-namespace']),
  },
  {
    name: "read the host's environment in /proc/1/environ and all others",
    command: () => `cat /proc/[0-9]*/environ 2>/dev/null | grep -qa ${environmentSecret} && echo REACHED`,
    without: ['empty-environment'],
  },
  {
    name: "reach a port of the host's loopback",
    command: () =>
      `node -e 'fetch("http://127.0.0.1:${hostPort}").then((r) => r.text()).then((t) => console.log(t === "${answerSecret}" ? "REACHED" : t), (e) => console.log("no"))'`,
    without: ['network-namespace'],
  },
  {
    name: "read a neighbour's workspace",
    command: (neighbour) => `grep -q ${neighbourSecret} ${neighbour.workspace}/secret && echo REACHED`,
    without: asRoot(['private-tmp', 'unprivileged-uid'], ['private-tmp']),
  },
  {
    name: "see a neighbour's processes",
    command: (neighbour) =>
      `[ -e /proc/${neighbour.pid}/stat ] && grep -q switchyard/init /proc/${neighbour.pid}/cmdline && echo REACHED`,
    without: ['pid-namespace'],
  },
  {
    // Writes what is there already.
    name: "set the kernel's core_pattern",
    command: () =>
      'pattern=$(cat /proc/sys/kernel/core_pattern) && printf "%s\\n" "$pattern" > /proc/sys/kernel/core_pattern && echo REACHED',
    without: asRoot(['unprivileged-uid'], null),
  },
  { name: 'ptrace', command: () => systemCall(101, 0, 0, 0, 0), without: ['seccomp'] },
  {
    name: 'make a user namespace',
    command: () => 'unshare -U true && echo REACHED',
    without: ['seccomp', 'no-nested-namespaces'],
  },
  {
    name: 'make a user namespace by clone flags',
    command: () =>
      `perl -e 'my $p = syscall(56, 0x10000000 | 17, 0, 0, 0, 0); exit 0 if $p == 0; print $p == -1 ? "refused: $!\\n" : "REACHED\\n"'`,
    without: ['seccomp', 'no-nested-namespaces'],
  },
  {
    name: 'mount',
    command: () =>
      'unshare -Urm sh -c "mount -t tmpfs none /mnt 2>/dev/null || mount -t tmpfs none /tmp" && echo REACHED',
    without: ['seccomp', 'no-nested-namespaces'],
  },
  { name: 'use a keyring', command: () => systemCallPasses(250, EPERM, 0, -3, 0), without: ['seccomp'] },
  { name: 'io_uring', command: () => systemCallPasses(425, ENOSYS, 1, 0), without: ['seccomp'] },
  { name: 'userfaultfd', command: () => systemCallPasses(323, EPERM, 1), without: ['seccomp'] },
  {
    name: 'open a raw packet socket (AF_PACKET)',
    command: () => systemCallPasses(41, EAFNOSUPPORT, 17, 3, 0),
    without: ['seccomp'],
  },
  {
    name: 'type into a terminal (TIOCSTI)',
    command: () => systemCallPasses(16, EPERM, 0, 0x5412, 0),
    without: ['seccomp'],
  },
  {
    name: 'make processes without limit',
    command: () => 'ulimit -u | grep -qx 1024 || echo REACHED',
    without: ['resource-limits'],
  },
  {
    name: 'hold a capability',
    command: () => 'grep -q "^CapEff:.*[1-9a-f]" /proc/self/status && echo REACHED',
    without: ['no-capabilities'],
  },
];

describe('the wall', () => {
  test.each(probes.map((probe) => [probe.name, probe] as const))('holds: %s', async (_name, probe) => {
    expect(await runProbe(probe, [])).not.toContain('REACHED');
  });

  test.each(
    probes.flatMap((probe) =>
      probe.without ? [[probe.name, probe.without.join(' and '), probe] as const] : [],
    ),
  )('is what holds: %s succeeds without %s', async (_name, _defences, probe) => {
    expect(await runProbe(probe, probe.without ?? [])).toContain('REACHED');
  });

  test('has nothing of the host in what the sandbox can read of itself', async () => {
    const sandbox = await wallHost.open(randomUUID());
    const shown = await runIn(sandbox, 'cat /proc/[0-9]*/cmdline | tr "\\0" " "');
    expect(shown).not.toContain(folders.dataDir);
    expect(shown).not.toContain(import.meta.dirname);
    const environment = await runIn(
      sandbox,
      'cat /proc/[0-9]*/environ | tr "\\0" "\\n" | cut -d= -f1 | sort -u',
    );
    const known = [
      'HOME',
      'HTTPS_PROXY',
      'HTTP_PROXY',
      'LANG',
      'LOGNAME',
      'NODE_USE_ENV_PROXY',
      'NO_PROXY',
      'OLDPWD',
      'PAGER',
      'PATH',
      'PWD',
      'SHELL',
      'SHLVL',
      'TERM',
      'TMPDIR',
      'USER',
      '_',
      'http_proxy',
      'https_proxy',
      'no_proxy',
    ];
    expect(
      environment
        .trim()
        .split('\n')
        .filter((name) => !known.includes(name)),
    ).toEqual([]);
  });

  test('lets no descriptor of the starting process through', async () => {
    const sandbox = await wallHost.open(randomUUID());
    const links = await runIn(sandbox, 'for fd in /proc/1/fd/* /proc/$$/fd/*; do readlink $fd; done');
    expect(links).not.toMatch(/seccomp\.bpf|switchyard-host|\.data/);
  });

  test('does not follow a link that leads out of the workspace', async () => {
    const sandbox = await wallHost.open(randomUUID());
    await runIn(sandbox, `ln -s /etc/shadow shadow; ln -s ${folders.open} out`);
    const signal = new AbortController().signal;
    await expect(sandbox.readFile('shadow', { signal })).rejects.toMatchObject({ code: 'not_found' });
    await expect(sandbox.readFile('out/private', { signal })).rejects.toMatchObject({ code: 'not_found' });
    const bytes = Buffer.alloc(200_000, 'x');
    await expect(sandbox.writeFile({ path: 'out/planted', bytes, signal })).rejects.toMatchObject({
      code: 'invalid_path',
    });
    expect(existsSync(path.join(folders.open, 'planted'))).toBe(false);
    expect(await readFile(folders.private, 'utf8')).toBe(fileSecret);
  });
});
