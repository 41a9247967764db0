import { probesOf } from './probe.ts';

/** Writes what stands there already. */
const rewrite = (path: string): string =>
  `value=$(cat ${path}) && printf "%s\\n" "$value" > ${path} && echo REACHED`;

export const procProbes = probesOf('proc and sysctl', [
  {
    name: "see the host's processes",
    command: ({ machine: { pid } }) =>
      `[ -e /proc/${pid}/stat ] && grep -q . /proc/${pid}/cmdline && echo REACHED`,
    without: ['pid-namespace'],
    withoutAsUser: ['pid-namespace'],
  },
  {
    name: "signal the host's process",
    command: ({ machine: { pid } }) => `kill -0 ${pid} && echo REACHED`,
    without: ['pid-namespace', 'unprivileged-uid'],
    withoutAsUser: ['pid-namespace'],
  },
  {
    name: "enter the host's file system by /proc/<pid>/root",
    command: ({ machine: { pid, privateFile, fileSecret } }) =>
      `grep -q ${fileSecret} /proc/${pid}/root${privateFile} && echo REACHED`,
    without: [
      'pid-namespace',
      'unprivileged-uid',
      'user-namespace',
      'no-nested-namespaces',
      'no-capabilities',
    ],
    withoutAsUser: null,
  },
  {
    name: "set the kernel's core_pattern",
    command: () => rewrite('/proc/sys/kernel/core_pattern'),
    without: ['unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: 'set how the kernel gives memory out (vm.overcommit_memory)',
    command: () => rewrite('/proc/sys/vm/overcommit_memory'),
    without: ['unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: 'set how many files the machine may open (fs.file-max)',
    command: () => rewrite('/proc/sys/fs/file-max'),
    without: ['unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: "set the network's times (net.ipv4.tcp_fin_timeout)",
    command: () => rewrite('/proc/sys/net/ipv4/tcp_fin_timeout'),
    without: ['unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: 'set what the kernel does when it fails (kernel.panic)',
    command: () => rewrite('/proc/sys/kernel/panic'),
    without: ['unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: "read where the kernel's memory lies (vmallocinfo, slabinfo)",
    command: () => 'cat /proc/vmallocinfo /proc/slabinfo 2>/dev/null | grep -q . && echo REACHED',
    without: ['unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: 'hold a capability',
    command: () => 'grep -q "^CapEff:.*[1-9a-f]" /proc/self/status && echo REACHED',
    without: ['no-capabilities'],
    withoutAsUser: ['no-capabilities'],
  },
]);
