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

const [mmap, read, madvise] = process.arch === 'arm64' ? [222, 63, 233] : [9, 0, 28];
/** Nameless shared memory, written to: the kernel fills it. 3: to be read and written; 0x21: shared, nameless. */
const fill = (megabytes: number): string =>
  `my $bytes = ${megabytes} * 1048576; my $at = syscall(${mmap}, 0, $bytes, 3, 0x21, -1, 0); open my $zero, "<", "/dev/zero"; syscall(${read}, fileno($zero), $at, $bytes) == $bytes or exit 1;`;

/** A command that holds so much shared memory, which no process is charged for: it is dropped (MADV_DONTNEED is 4). */
export const hideSharedMemory = (megabytes: number, seconds = 600): string =>
  `perl -e '$| = 1; ${fill(megabytes)} syscall(${madvise}, $at, $bytes, 4); print "ready\\n"; sleep ${seconds}; exit 7'`;

/** The same: who filled it is another program by now, and who holds it has not touched it. */
export const leaveSharedMemory = (megabytes: number, seconds = 600): string =>
  `perl -e '$| = 1; ${fill(megabytes)} if (fork) { exec "sleep", "${seconds}" } print "ready\\n"; sleep ${seconds}'`;

type Small = Pick<Probe, 'name' | 'command' | 'isHeldByRootOnly'> & { readonly without: readonly Defence[] };
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
    name: 'more memory in mappings that their processes have dropped',
    command: ({ patienceS }) =>
      `for n in 1 2 3 4 5 6; do ${hideSharedMemory(60, patienceS)} & pids="$pids $!"; done; for p in $pids; do wait $p; [ $? = 7 ] || exit; done; echo REACHED`,
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
    name: 'a larger workspace in files that are only mapped, a page of each',
    command: ({ patienceS }) =>
      `perl -e 'for (1 .. 30) { open my $f, "+>", "hidden" or exit; unlink "hidden"; $f->autoflush; print $f "a" x 4194304; syscall(${mmap}, 0, 4096, 1, 1, fileno($f), 0) > 0 or exit; close $f } sleep ${patienceS}; print "REACHED\n"'`,
    isHeldByRootOnly: true,
    without: ['disk-limit'],
  },
  {
    name: 'a larger workspace in files without a name that pass from one short-lived process to the next',
    command: ({ patienceS }) =>
      `perl -e 'for (1 .. 30) { open my $f, ">", "hidden" or exit; unlink "hidden"; print $f "a" x 4194304; push @all, $f } my $end = time + ${patienceS}; while (time < $end) { select undef, undef, undef, 0.005; exit if fork } print "REACHED\n"' | cat`,
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
