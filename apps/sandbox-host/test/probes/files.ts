import { nodeScript, probesOf } from './probe.ts';

/** Opens it for writing and writes nothing. */
const open = (path: string): string => `: >> ${path} && echo REACHED`;

export const fileProbes = probesOf('files', [
  {
    name: 'write a file of /etc',
    command: () => 'echo "# probe" >> /etc/hosts && echo REACHED',
    without: ['read-only-system', 'unprivileged-uid'],
    withoutAsUser: ['read-only-system'],
  },
  {
    name: 'open a program of the system for writing',
    command: () => open('/usr/share/common-licenses/GPL-3'),
    without: ['read-only-system', 'unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: "set the mode of a system's file",
    command: () => 'chmod "$(stat -c %a /usr/bin/env)" /usr/bin/env && echo REACHED',
    without: ['read-only-system', 'unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: 'open the program that runs its commands for writing',
    command: () => open('/opt/switchyard/execute.mjs'),
    without: ['read-only-system', 'unprivileged-uid'],
    withoutAsUser: ['read-only-system'],
  },
  {
    name: "put a folder into the system's root",
    command: () => 'mkdir /usr/share/switchyard-probe && rmdir /usr/share/switchyard-probe && echo REACHED',
    without: ['read-only-system', 'unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: 'write into an open folder of /tmp',
    command: ({ machine }) => `echo x > ${machine.openFolder}/written && echo REACHED`,
    without: ['private-tmp'],
    withoutAsUser: ['private-tmp'],
  },
  {
    name: 'write into an open folder of /var/tmp',
    command: ({ machine }) => `echo x > ${machine.openVarFolder}/written && echo REACHED`,
    without: ['selected-folders'],
    withoutAsUser: ['selected-folders'],
  },
  {
    name: "read a private file of the host's user in /tmp",
    command: ({ machine }) => `grep -q ${machine.fileSecret} ${machine.privateFile} && echo REACHED`,
    without: ['private-tmp', 'unprivileged-uid'],
    withoutAsUser: ['private-tmp'],
  },
  {
    name: "read a private file of the host's user in /var/tmp",
    command: ({ machine }) => `grep -q ${machine.fileSecret} ${machine.privateVarFile} && echo REACHED`,
    without: ['selected-folders', 'unprivileged-uid'],
    withoutAsUser: ['selected-folders'],
  },
  {
    name: 'read /etc/shadow',
    command: () => 'grep -q "^root:" /etc/shadow && echo REACHED',
    without: ['selected-etc', 'unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: 'read what this machine is called and configured as in /etc',
    command: () => 'cat /etc/hostname /etc/login.defs 2>/dev/null | grep -q . && echo REACHED',
    without: ['selected-etc'],
    withoutAsUser: ['selected-etc'],
  },
  {
    name: "list this machine's devices in /sys",
    command: () => '[ -n "$(ls /sys/class)" ] && echo REACHED',
    without: ['selected-folders'],
    withoutAsUser: ['selected-folders'],
  },
  {
    name: "list this machine's logs and services in /var",
    command: () => '[ -n "$(ls /var/lib)" ] && echo REACHED',
    without: ['selected-folders'],
    withoutAsUser: ['selected-folders'],
  },
  {
    name: 'open a device of this machine',
    command: ({ machine: { device } }) => `(: < ${device.path}) && echo REACHED`,
    without: ['private-devices', 'unprivileged-uid'],
    withoutAsUser: null,
  },
  {
    name: 'make a device of this machine and open it',
    command: ({ machine: { device } }) =>
      `mknod /dev/probe ${device.kind} ${device.major} ${device.minor} && (: < /dev/probe) && echo REACHED; rm -f /dev/probe`,
    without: [
      'private-devices',
      'unprivileged-uid',
      'user-namespace',
      'no-nested-namespaces',
      'no-capabilities',
    ],
    withoutAsUser: null,
  },
  {
    name: "read the kernel's log in /dev/kmsg",
    command: () =>
      nodeScript(
        'const fs = require("fs"); const f = fs.openSync("/dev/kmsg", fs.constants.O_RDONLY | fs.constants.O_NONBLOCK); if (fs.readSync(f, Buffer.alloc(8192)) > 0) console.log("REACHED")',
      ),
    without: [
      'private-devices',
      'unprivileged-uid',
      'user-namespace',
      'no-nested-namespaces',
      'no-capabilities',
    ],
    withoutAsUser: null,
  },
  {
    name: 'make the read-only system writable again',
    command: () => 'mount -o remount,bind,rw /usr && echo REACHED',
    without: ['seccomp', 'no-capabilities', 'unprivileged-uid', 'user-namespace', 'no-nested-namespaces'],
    withoutAsUser: null,
  },
]);
