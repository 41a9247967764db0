/**
 * A classic-BPF filter for x86_64, as `bwrap --seccomp FD` takes it: an array of `struct sock_filter`
 * (linux/filter.h) that the kernel runs over `struct seccomp_data` (linux/seccomp.h) at every system call.
 */

const auditArchX64 = 0xc000003e;
/** System calls of the x32 ABI carry this bit; they would walk around a list of numbers. */
const x32Bit = 0x40000000;

// linux/seccomp.h
const returnAllow = 0x7fff0000;
const returnKillProcess = 0x80000000;
const returnErrno = 0x00050000;
// asm-generic/errno
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

// linux/bpf_common.h: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_K with JEQ, JGE and JSET, BPF_RET|BPF_K
const loadWord = 0x20;
const jumpEqual = 0x15;
const jumpGreaterOrEqual = 0x35;
const jumpSet = 0x45;
const giveBack = 0x06;

/** Offsets in `struct seccomp_data`; an argument's low word comes first (little endian). */
const offsetOfNumber = 0;
const offsetOfArch = 4;
const offsetOfArgument = (index: number): number => 16 + 8 * index;

interface Instruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly value: number;
}

const load = (offset: number): Instruction => ({ code: loadWord, jumpTrue: 0, jumpFalse: 0, value: offset });
const giveBackValue = (value: number): Instruction => ({ code: giveBack, jumpTrue: 0, jumpFalse: 0, value });
const refuse = (errno: number): Instruction => giveBackValue(returnErrno | errno);
/** Runs the next `length` instructions only when the loaded word equals `value`. */
const onlyWhenEqual = (value: number, length: number): Instruction => ({
  code: jumpEqual,
  jumpTrue: 0,
  jumpFalse: length,
  value,
});

/**
 * Refused with EPERM: seeing into or steering other processes, keyrings, mounts and namespaces, kernel modules,
 * clocks, raw hardware, and the parts of the kernel that most local exploits of the last years came through.
 */
export const deniedSystemCalls = {
  ptrace: 101,
  syslog: 103,
  uselib: 134,
  vhangup: 153,
  modify_ldt: 154,
  pivot_root: 155,
  adjtimex: 159,
  chroot: 161,
  acct: 163,
  settimeofday: 164,
  mount: 165,
  umount2: 166,
  swapon: 167,
  swapoff: 168,
  reboot: 169,
  iopl: 172,
  ioperm: 173,
  init_module: 175,
  delete_module: 176,
  quotactl: 179,
  lookup_dcookie: 212,
  clock_settime: 227,
  kexec_load: 246,
  add_key: 248,
  request_key: 249,
  keyctl: 250,
  migrate_pages: 256,
  unshare: 272,
  move_pages: 279,
  perf_event_open: 298,
  fanotify_init: 300,
  name_to_handle_at: 303,
  open_by_handle_at: 304,
  clock_adjtime: 305,
  setns: 308,
  process_vm_readv: 310,
  process_vm_writev: 311,
  kcmp: 312,
  finit_module: 313,
  kexec_file_load: 320,
  bpf: 321,
  userfaultfd: 323,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  pidfd_getfd: 438,
  mount_setattr: 442,
  quotactl_fd: 443,
  open_tree_attr: 467,
} as const;

/** Answered as if the kernel did not have them, so that programs fall back: io_uring, and clone3, whose flags a filter cannot read. */
export const absentSystemCalls = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  clone3: 435,
} as const;

const clone = 56;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME shares its bit with the exit signal. */
const newNamespaceFlags = 0x7e020000;
const ioctl = 16;
/** Both put text into a terminal as if it had been typed. */
const typingRequests = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c } as const;
const socket = 41;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: what libc, Node and Python use. */
const allowedFamilies = [1, 2, 10, 16];

function writeInstructions(): Instruction[] {
  const simpleRules = [
    ...Object.values(deniedSystemCalls).map((number) => [number, EPERM] as const),
    ...Object.values(absentSystemCalls).map((number) => [number, ENOSYS] as const),
  ].flatMap(([number, errno]) => [onlyWhenEqual(number, 1), refuse(errno)]);
  return [
    load(offsetOfArch),
    { code: jumpEqual, jumpTrue: 1, jumpFalse: 0, value: auditArchX64 },
    giveBackValue(returnKillProcess),
    load(offsetOfNumber),
    { code: jumpGreaterOrEqual, jumpTrue: 0, jumpFalse: 1, value: x32Bit },
    refuse(ENOSYS),
    ...simpleRules,
    onlyWhenEqual(clone, 4),
    load(offsetOfArgument(0)),
    { code: jumpSet, jumpTrue: 0, jumpFalse: 1, value: newNamespaceFlags },
    refuse(EPERM),
    giveBackValue(returnAllow),
    onlyWhenEqual(ioctl, 6),
    load(offsetOfArgument(1)),
    onlyWhenEqual(typingRequests.TIOCSTI, 1),
    refuse(EPERM),
    onlyWhenEqual(typingRequests.TIOCLINUX, 1),
    refuse(EPERM),
    giveBackValue(returnAllow),
    onlyWhenEqual(socket, 2 + 2 * allowedFamilies.length),
    load(offsetOfArgument(0)),
    ...allowedFamilies.flatMap((family) => [onlyWhenEqual(family, 1), giveBackValue(returnAllow)]),
    refuse(EAFNOSUPPORT),
    giveBackValue(returnAllow),
  ];
}

/** The filter's bytes, eight for each instruction: code (2), jump when true, jump when false, value (4). */
export function buildSeccompProgram(): Uint8Array {
  const instructions = writeInstructions();
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, { code, jumpTrue, jumpFalse, value }] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes;
}
