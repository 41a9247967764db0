import { describe, expect, test } from 'vitest';
import { allDefences, type Defence } from './defences.ts';
import { defaultLimits } from './limits.ts';
import { buildInitCommand, buildWallArguments } from './wall.ts';

const sources = {
  workspace: '/s/workspace',
  run: '/s/run',
  egress: '/s/egress',
  node: '/s/node',
  inside: '/s/inside',
  etc: '/s/etc',
};
/** They are no arguments of bwrap. */
const notArguments: readonly Defence[] = [
  'empty-environment',
  'resource-limits',
  'memory-limit',
  'disk-limit',
  'egress-address-check',
  'egress-port-check',
  'egress-domains',
  'own-user-id',
];
const newest = { canLimitSize: true, canDisableNesting: true };
const build = (without: readonly Defence[] = [], features = newest): string[] =>
  buildWallArguments({
    sources,
    features,
    defences: new Set(allDefences.filter((name) => !without.includes(name))),
    systemFolders: [
      { path: '/usr', kind: 'folder' },
      { path: '/bin', kind: 'link', target: 'usr/bin' },
    ],
    seccompFd: 3,
    infoFd: 4,
  });

describe('the wall', () => {
  test('writes to nothing of this machine but the workspace and the folder of the socket', () => {
    const built = build();
    const writable = built.flatMap((argument, index) => (argument === '--bind' ? [built[index + 1]] : []));
    expect(writable).toEqual([sources.run, sources.workspace]);
    expect(built).not.toContain('--dev-bind');
  });

  test('mounts no folder of this machine but the system, named files of /etc, and its own', () => {
    const built = build();
    const read = built.flatMap((argument, index) =>
      argument.startsWith('--ro-bind') ? [built[index + 1] ?? ''] : [],
    );
    expect(read.filter((path) => !path.startsWith('/s/') && !path.startsWith('/etc/'))).toEqual(['/usr']);
    expect(read).not.toContain('/etc/shadow');
    expect(read).not.toContain('/etc/passwd');
  });

  test.each(allDefences.filter((name) => !notArguments.includes(name)))(
    'is another without %s',
    (defence) => {
      expect(build([defence])).not.toEqual(build());
    },
  );

  test('asks an old bubblewrap for nothing that it does not know', () => {
    const built = build([], { canLimitSize: false, canDisableNesting: false });
    expect(built.filter((argument) => ['--size', '--disable-userns'].includes(argument))).toEqual([]);
    expect(built).toContain('/dev/shm');
  });

  test('shows no path of this machine in what the sandbox sees of its start', () => {
    expect(buildInitCommand(new Set(allDefences), defaultLimits()).join(' ')).not.toContain('/s/');
  });
});
