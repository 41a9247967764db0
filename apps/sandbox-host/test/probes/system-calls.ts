import {
  absentSystemCalls,
  deniedSystemCalls,
  filteredSystemCalls,
  findProcessor,
  unsupportedSystemCalls,
} from '../../src/system-calls.ts';
import { type Probe, probesOf } from './probe.ts';

const processor = findProcessor(process.arch) ?? 'x64';
const calls = {
  ...deniedSystemCalls,
  ...absentSystemCalls,
  ...unsupportedSystemCalls,
  ...filteredSystemCalls,
};

/** Makes a system call by number; prints REACHED unless it fails. Perl is on every Debian. */
function call(name: keyof typeof calls, ...parameters: number[]): string {
  const list = [calls[name][processor], ...parameters].join(', ');
  return `perl -e 'my $r = syscall(${list}); print $r == -1 ? "refused: $!\\n" : "REACHED\\n"'`;
}

/** The same where success needs arguments that are too much work: another error than the filter's is through. */
function callPasses(name: keyof typeof calls, errno: number, ...parameters: number[]): string {
  const list = [calls[name][processor], ...parameters].join(', ');
  return `perl -e 'my $r = syscall(${list}); print $r == -1 && $! == ${errno} ? "refused: $!\\n" : "REACHED\\n"'`;
}

const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

type Filtered = Pick<Probe, 'name' | 'command'>;
const filtered: readonly Filtered[] = [
  { name: 'trace itself (ptrace)', command: () => call('ptrace', 0, 0, 0, 0) },
  { name: 'use a keyring (keyctl)', command: () => callPasses('keyctl', EPERM, 0, -3, 0) },
  { name: 'io_uring', command: () => callPasses('io_uring_setup', ENOSYS, 1, 0) },
  { name: 'userfaultfd', command: () => callPasses('userfaultfd', EPERM, 1) },
  {
    name: "read another process's memory (process_vm_readv)",
    command: () => callPasses('process_vm_readv', EPERM, 1, 0, 0, 0, 0, 99),
  },
  {
    name: 'move pages between processors (move_pages)',
    command: () => call('move_pages', 0, 0, 0, 0, 0, 0),
  },
  {
    name: 'name a file by its number (name_to_handle_at)',
    command: () => callPasses('name_to_handle_at', EPERM, -1, 0, 0, 0, 0),
  },
  { name: 'compare processes (kcmp)', command: () => callPasses('kcmp', EPERM, 0, 0, 0, 0, 0) },
  {
    name: 'files in memory that nobody is charged for (memfd_create)',
    command: () => callPasses('memfd_create', ENOSYS, 0, 0),
  },
  {
    name: 'a large System V segment (shmget)',
    command: () => callPasses('shmget', EINVAL, 0, 1_048_576, 0o1600),
  },
  { name: 'fill the disk by one call (fallocate)', command: () => 'fallocate -l 1M large && echo REACHED' },
  { name: 'a raw packet socket (AF_PACKET)', command: () => callPasses('socket', EAFNOSUPPORT, 17, 3, 0) },
  {
    name: "a socket to the machine's monitor (AF_VSOCK)",
    command: () => callPasses('socket', EAFNOSUPPORT, 40, 99, 0),
  },
  {
    name: "a socket to the kernel's ciphers (AF_ALG)",
    command: () => callPasses('socket', EAFNOSUPPORT, 38, 99, 0),
  },
  {
    // Without the filter the kernel finds fault with the flags: a thread shares its signal handlers.
    name: 'a thread with descriptors of its own, by flags of clone',
    command: () => callPasses('clone', EPERM, 0x10000, 0, 0, 0, 0),
  },
  {
    name: 'a thread with descriptors of its own, later (close_range)',
    command: () => callPasses('close_range', EINVAL, 1000, 1001, 2),
  },
  {
    name: 'hide in /proc from a host that is not root (PR_SET_DUMPABLE)',
    command: () =>
      `perl -e 'syscall(${filteredSystemCalls.prctl[processor]}, 4, 0, 0, 0, 0); print syscall(${filteredSystemCalls.prctl[processor]}, 3, 0, 0, 0, 0) ? "seen\n" : "REACHED\n"'`,
  },
  { name: 'type into a terminal (TIOCSTI)', command: () => callPasses('ioctl', EPERM, 0, 0x5412, 0) },
];

export const systemCallProbes = probesOf('system calls', [
  ...filtered.map((probe) => ({
    ...probe,
    without: ['seccomp'] as const,
    withoutAsUser: ['seccomp'] as const,
  })),
  {
    name: 'make a user namespace (unshare)',
    command: () => 'unshare -U true && echo REACHED',
    without: ['seccomp', 'no-nested-namespaces'],
    withoutAsUser: ['seccomp', 'no-nested-namespaces'],
  },
  {
    name: 'make a user namespace by flags of clone',
    command: () =>
      `perl -e 'my $p = syscall(${filteredSystemCalls.clone[processor]}, 0x10000000 | 17, 0, 0, 0, 0); exit 0 if $p == 0; print $p == -1 ? "refused: $!\\n" : "REACHED\\n"'`,
    without: ['seccomp', 'no-nested-namespaces'],
    withoutAsUser: ['seccomp', 'no-nested-namespaces'],
  },
  {
    name: 'mount',
    command: () =>
      'unshare -Urm sh -c "mount -t tmpfs none /mnt 2>/dev/null || mount -t tmpfs none /tmp" && echo REACHED',
    without: ['seccomp', 'no-nested-namespaces'],
    withoutAsUser: ['seccomp', 'no-nested-namespaces'],
  },
]);
