/** Processors that there is a system call filter for, by Node's name. */
export type Processor = 'x64' | 'arm64';

/** The processor by Node's name for it; null when there is no system call filter for it. */
export function findProcessor(arch: string): Processor | null {
  return arch === 'x64' || arch === 'arm64' ? arch : null;
}

/** A system call's number for x86_64 (asm/unistd_64.h) and arm64 (asm-generic/unistd.h); null where there is none. */
export type SystemCallNumbers = Readonly<Record<Processor, number | null>>;

const numbers = (x64: number | null, arm64: number | null): SystemCallNumbers => ({ x64, arm64 });
/** Since Linux 5.1 new calls have one number everywhere. */
const everywhere = (number: number): SystemCallNumbers => numbers(number, number);

/**
 * Refused with EPERM: seeing into or steering other processes, keyrings, mounts and namespaces, kernel modules,
 * clocks, raw hardware, and the parts of the kernel that most local exploits of the last years came through.
 */
export const deniedSystemCalls = {
  ptrace: numbers(101, 117),
  syslog: numbers(103, 116),
  uselib: numbers(134, null),
  vhangup: numbers(153, 58),
  modify_ldt: numbers(154, null),
  pivot_root: numbers(155, 41),
  adjtimex: numbers(159, 171),
  chroot: numbers(161, 51),
  acct: numbers(163, 89),
  settimeofday: numbers(164, 170),
  mount: numbers(165, 40),
  umount2: numbers(166, 39),
  swapon: numbers(167, 224),
  swapoff: numbers(168, 225),
  reboot: numbers(169, 142),
  iopl: numbers(172, null),
  ioperm: numbers(173, null),
  init_module: numbers(175, 105),
  delete_module: numbers(176, 106),
  quotactl: numbers(179, 60),
  lookup_dcookie: numbers(212, 18),
  clock_settime: numbers(227, 112),
  kexec_load: numbers(246, 104),
  add_key: numbers(248, 217),
  request_key: numbers(249, 218),
  keyctl: numbers(250, 219),
  migrate_pages: numbers(256, 238),
  unshare: numbers(272, 97),
  vmsplice: numbers(278, 75),
  move_pages: numbers(279, 239),
  perf_event_open: numbers(298, 241),
  fanotify_init: numbers(300, 262),
  name_to_handle_at: numbers(303, 264),
  open_by_handle_at: numbers(304, 265),
  clock_adjtime: numbers(305, 266),
  setns: numbers(308, 268),
  process_vm_readv: numbers(310, 270),
  process_vm_writev: numbers(311, 271),
  kcmp: numbers(312, 272),
  finit_module: numbers(313, 273),
  kexec_file_load: numbers(320, 294),
  bpf: numbers(321, 280),
  userfaultfd: numbers(323, 282),
  open_tree: everywhere(428),
  move_mount: everywhere(429),
  fsopen: everywhere(430),
  fsconfig: everywhere(431),
  fsmount: everywhere(432),
  fspick: everywhere(433),
  pidfd_getfd: everywhere(438),
  process_madvise: everywhere(440),
  mount_setattr: everywhere(442),
  quotactl_fd: everywhere(443),
  open_tree_attr: everywhere(467),
} as const satisfies Record<string, SystemCallNumbers>;

/**
 * Answered as if the kernel did not have them, so that programs fall back: io_uring; clone3, whose flags a filter
 * cannot read; and files in memory that no mount's size limits and no process is charged for.
 */
export const absentSystemCalls = {
  memfd_create: numbers(319, 279),
  io_uring_setup: everywhere(425),
  io_uring_enter: everywhere(426),
  io_uring_register: everywhere(427),
  clone3: everywhere(435),
  memfd_secret: everywhere(447),
} as const satisfies Record<string, SystemCallNumbers>;

/**
 * Answered as by a file system that cannot do it, so that libc writes instead: one call gives a file the whole of the
 * workspace's size, faster than anybody looks.
 */
export const unsupportedSystemCalls = {
  fallocate: numbers(285, 47),
} as const satisfies Record<string, SystemCallNumbers>;

/** Let through or refused by what they are called with. */
export const filteredSystemCalls = {
  clone: { x64: 56, arm64: 220 },
  close_range: { x64: 436, arm64: 436 },
  prctl: { x64: 157, arm64: 167 },
  ioctl: { x64: 16, arm64: 29 },
  socket: { x64: 41, arm64: 198 },
  shmget: { x64: 29, arm64: 194 },
} as const satisfies Record<string, Readonly<Record<Processor, number>>>;
