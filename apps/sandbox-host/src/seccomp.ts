import {
  absentSystemCalls,
  deniedSystemCalls,
  filteredSystemCalls,
  type Processor,
  type SystemCallNumbers,
  unsupportedSystemCalls,
} from './system-calls.ts';

/*
 * A classic-BPF filter, as `bwrap --seccomp FD` takes it: an array of `struct sock_filter` (linux/filter.h) that the
 * kernel runs over `struct seccomp_data` (linux/seccomp.h) at every system call.
 */

/** linux/audit.h: AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64. */
const auditArch: Record<Processor, number> = { x64: 0xc000003e, arm64: 0xc00000b7 };
/** System calls of the x32 ABI carry this bit; they would walk around a list of numbers. */
const x32Bit = 0x40000000;

// linux/seccomp.h
const returnAllow = 0x7fff0000;
const returnKillProcess = 0x80000000;
const returnErrno = 0x00050000;
// asm-generic/errno
const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;
const EOPNOTSUPP = 95;
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

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME shares its bit with the exit signal. */
const newNamespaceFlags = 0x7e020000;
/**
 * Threads share one table of descriptors, as libc makes them: the host looks for deleted files in one for a process.
 * CLONE_THREAD and CLONE_FILES of linux/sched.h; CLOSE_RANGE_UNSHARE of linux/close_range.h, and unshare is denied.
 */
const threadFlag = 0x10000;
const sharedFilesFlag = 0x400;
const ownTableFlag = 2;
/**
 * PR_SET_DUMPABLE of linux/prctl.h with 0 closes what /proc shows of a process to a host that is not root, which could
 * not measure it then. Nothing is done and success is answered: agents that guard keys give up when it fails, and
 * from whom they hide cannot trace them here anyway.
 */
const setDumpable = 4;
/** Both put text into a terminal as if it had been typed. */
const typingRequests = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c } as const;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: what libc, Node and Python use. */
const allowedFamilies = [1, 2, 10, 16];
/**
 * A System V segment stays when nobody has it mapped, charged to no process; a namespace may have 4,096 of them
 * (SHMMNI). Postgres asks for 56 bytes; whoever needs more has POSIX shared memory, in a file system of limited size.
 */
const maxSharedSegmentBytes = 64 * 1024;

function refuseAll(calls: Readonly<Record<string, SystemCallNumbers>>, processor: Processor, errno: number) {
  return Object.values(calls).flatMap((numbers) => {
    const number = numbers[processor];
    return number === null ? [] : [onlyWhenEqual(number, 1), refuse(errno)];
  });
}

function writeInstructions(processor: Processor): Instruction[] {
  const { clone, close_range, prctl, ioctl, socket, shmget } = filteredSystemCalls;
  return [
    load(offsetOfArch),
    { code: jumpEqual, jumpTrue: 1, jumpFalse: 0, value: auditArch[processor] },
    giveBackValue(returnKillProcess),
    load(offsetOfNumber),
    // No processor has numbers that high but for the second ABI of x86_64.
    { code: jumpGreaterOrEqual, jumpTrue: 0, jumpFalse: 1, value: x32Bit },
    refuse(ENOSYS),
    ...refuseAll(deniedSystemCalls, processor, EPERM),
    ...refuseAll(absentSystemCalls, processor, ENOSYS),
    ...refuseAll(unsupportedSystemCalls, processor, EOPNOTSUPP),
    onlyWhenEqual(clone[processor], 7),
    load(offsetOfArgument(0)),
    { code: jumpSet, jumpTrue: 0, jumpFalse: 1, value: newNamespaceFlags },
    refuse(EPERM),
    { code: jumpSet, jumpTrue: 0, jumpFalse: 2, value: threadFlag },
    { code: jumpSet, jumpTrue: 1, jumpFalse: 0, value: sharedFilesFlag },
    refuse(EPERM),
    giveBackValue(returnAllow),
    onlyWhenEqual(close_range[processor], 4),
    load(offsetOfArgument(2)),
    { code: jumpSet, jumpTrue: 0, jumpFalse: 1, value: ownTableFlag },
    refuse(EINVAL),
    giveBackValue(returnAllow),
    onlyWhenEqual(prctl[processor], 6),
    load(offsetOfArgument(0)),
    onlyWhenEqual(setDumpable, 3),
    load(offsetOfArgument(1)),
    onlyWhenEqual(0, 1),
    refuse(0),
    giveBackValue(returnAllow),
    onlyWhenEqual(ioctl[processor], 6),
    load(offsetOfArgument(1)),
    onlyWhenEqual(typingRequests.TIOCSTI, 1),
    refuse(EPERM),
    onlyWhenEqual(typingRequests.TIOCLINUX, 1),
    refuse(EPERM),
    giveBackValue(returnAllow),
    onlyWhenEqual(socket[processor], 2 + 2 * allowedFamilies.length),
    load(offsetOfArgument(0)),
    ...allowedFamilies.flatMap((family) => [onlyWhenEqual(family, 1), giveBackValue(returnAllow)]),
    refuse(EAFNOSUPPORT),
    onlyWhenEqual(shmget[processor], 6),
    load(offsetOfArgument(1) + 4),
    onlyWhenEqual(0, 3),
    load(offsetOfArgument(1)),
    { code: jumpGreaterOrEqual, jumpTrue: 1, jumpFalse: 0, value: maxSharedSegmentBytes + 1 },
    giveBackValue(returnAllow),
    refuse(EINVAL),
    giveBackValue(returnAllow),
  ];
}

/** The filter's bytes, eight for each instruction: code (2), jump when true, jump when false, value (4). */
export function buildSeccompProgram(processor: Processor): Uint8Array {
  const instructions = writeInstructions(processor);
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, { code, jumpTrue, jumpFalse, value }] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes;
}
