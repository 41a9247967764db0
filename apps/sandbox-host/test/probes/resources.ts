import type { Defence } from '../../src/defences.ts';
import type { SandboxLimits } from '../../src/limits.ts';
import { nodeScript, type Probe, probesOf } from './probe.ts';

const mebibyte = 1024 * 1024;
/** Of the variant `small`: enough for the init and a few programs. */
export const smallLimits: SandboxLimits = {
  memoryBytes: 256 * mebibyte,
  processes: 200,
  diskBytes: 48 * mebibyte,
  files: 2_000,
};

type Small = Pick<Probe, 'name' | 'command'> & { readonly without: readonly Defence[] };
const small: readonly Small[] = [
  {
    name: 'more processes than allowed',
    command: () =>
      `perl -e 'my @kids; for (1 .. 260) { my $p = fork; last if !defined $p; if (!$p) { sleep 20; exit } push @kids, $p } print "REACHED\\n" if @kids == 260; kill 9, @kids'`,
    without: ['resource-limits'],
  },
  {
    name: 'more open files than allowed',
    command: () =>
      `perl -e 'my @all; for (1 .. 5000) { open my $f, "<", "/dev/null" or exit; push @all, $f } print "REACHED\\n"'`,
    without: ['resource-limits'],
  },
  {
    name: 'a file that is larger than the workspace may be',
    command: () => 'truncate -s 100M large && echo REACHED',
    without: ['resource-limits'],
  },
  {
    name: 'a process with more private memory than allowed',
    command: () => nodeScript('new ArrayBuffer(1500 * 2 ** 20); console.log("REACHED")'),
    without: ['resource-limits'],
  },
  {
    name: 'a core dump',
    command: () => '[ "$(ulimit -Hc)" = 0 ] || echo REACHED',
    without: ['resource-limits'],
  },
  {
    name: 'more memory in many processes',
    command: ({ patienceS }) =>
      `for n in 1 2 3 4 5 6; do perl -e 'my $x = "a" x (60 * 1048576); sleep ${patienceS}; exit 7' & pids="$pids $!"; done; for p in $pids; do wait $p; [ $? = 7 ] || exit; done; echo REACHED`,
    without: ['memory-limit'],
  },
  {
    name: 'a larger workspace in many files',
    command: ({ patienceS }) =>
      `for n in $(seq 1 30); do head -c 4M /dev/zero > file-$n || exit; done; sleep ${patienceS}; echo REACHED`,
    without: ['disk-limit'],
  },
  {
    name: 'a larger workspace in files without a name',
    command: ({ patienceS }) =>
      `perl -e 'for (1 .. 30) { open my $f, ">", "hidden" or exit; unlink "hidden"; print $f "a" x 4194304; push @all, $f } sleep ${patienceS}; print "REACHED\\n"'`,
    without: ['disk-limit'],
  },
  {
    name: 'more files than allowed',
    command: ({ patienceS }) =>
      `perl -e 'for (1 .. 3000) { open my $f, ">", "file-$_" or exit } sleep ${patienceS}; print "REACHED\\n"'`,
    without: ['disk-limit'],
  },
];

export const resourceProbes = probesOf(
  'resources',
  small.map((probe) => ({ ...probe, withoutAsUser: probe.without, variant: 'small' as const })),
);
