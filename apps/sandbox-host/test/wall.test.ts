import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createArenas, type ProbeResult } from './probes/arena.ts';
import { fileProbes } from './probes/files.ts';
import { prepareMachine } from './probes/machine.ts';
import { neighbourProbes } from './probes/neighbours.ts';
import { type Probe, type ProbeClass } from './probes/probe.ts';
import { procProbes } from './probes/proc.ts';
import { resourceProbes } from './probes/resources.ts';
import { secretProbes } from './probes/secrets.ts';
import { socketProbes } from './probes/sockets.ts';
import { systemCallProbes } from './probes/system-calls.ts';
import { runIn, startTestHost, temporaryFolder, type TestHost } from './test-host.ts';

const isRoot = process.getuid?.() === 0;
const probes: readonly Probe[] = [
  ...fileProbes,
  ...procProbes,
  ...socketProbes,
  ...systemCallProbes,
  ...resourceProbes,
  ...secretProbes,
  ...neighbourProbes,
];
/** How many of each class there are at least. */
const leastCounts: Record<ProbeClass, number> = {
  files: 15,
  'proc and sysctl': 8,
  'sockets and egress': 12,
  'system calls': 8,
  resources: 6,
  secrets: 5,
  neighbours: 6,
};

const machine = await prepareMachine();
const arenas = createArenas(machine);
const rows: string[] = [];
afterAll(async () => {
  await arenas.close();
  await machine.clear();
  const title = '| class | probe | behind the wall | without | then |\n|---|---|---|---|---|';
  process.stdout.write(`\n${[title, ...rows].join('\n')}\n`);
});

const controlOf = (probe: Probe) => (isRoot ? probe.without : probe.withoutAsUser);

function describeResult(result: ProbeResult): string {
  if (result.hasReached) return 'REACHED';
  const [line = ''] = result.output.trim().split('\n');
  return line === '' ? 'nothing' : line.replaceAll('|', '/').slice(0, 60);
}

describe.each(Object.keys(leastCounts) as ProbeClass[])('the wall against probes of %s', (probeClass) => {
  const ofClass = probes.filter(
    (probe) => probe.probeClass === probeClass && (isRoot || !probe.isHeldByRootOnly),
  );

  test('is tried often enough', () => {
    expect(new Set(ofClass.map(({ name }) => name)).size).toBeGreaterThanOrEqual(leastCounts[probeClass]);
  });

  test.each(ofClass.map((probe) => [probe.name, probe] as const))(
    'holds, and would not without a defence: %s',
    async (_name, probe) => {
      const held = await arenas.run(probe, []);
      const control = controlOf(probe);
      const open = control && (await arenas.run(probe, control));
      const cells = [
        describeResult(held),
        control?.join(', ') ?? '',
        open ? describeResult(open) : 'no control',
      ];
      rows.push(`| ${[probeClass, probe.name, ...cells].join(' | ')} |`);
      expect(held.hasReached, held.output).toBe(false);
      expect(held.dialled).not.toContain(probe.dials);
      expect(open === null || open.hasReached, open?.output).toBe(true);
      expect(open === null || probe.dials === undefined || open.dialled.includes(probe.dials)).toBe(true);
    },
    120_000,
  );
});

describe('the wall', () => {
  let wallHost: TestHost;
  const folders = { data: '', open: '', secret: `file-${randomUUID()}` };
  const cleanups: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    const data = await temporaryFolder();
    const open = await temporaryFolder();
    cleanups.push(data.remove, open.remove);
    Object.assign(folders, { data: data.path, open: open.path });
    await chmod(folders.open, 0o777);
    await writeFile(path.join(folders.open, 'private'), folders.secret, { mode: 0o600 });
    wallHost = await startTestHost(data.path);
    cleanups.push(wallHost.close);
  });
  afterAll(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  });

  test('has nothing of the host in what the sandbox can read of itself', async () => {
    const sandbox = await wallHost.open(randomUUID());
    const shown = await runIn(sandbox, 'cat /proc/[0-9]*/cmdline | tr "\\0" " "');
    expect(shown).not.toContain(folders.data);
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
    expect(await readFile(path.join(folders.open, 'private'), 'utf8')).toBe(folders.secret);
  });
});
