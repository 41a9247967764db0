import { nodeScript, probesOf } from './probe.ts';

export const secretProbes = probesOf('secrets', [
  {
    name: "read the starting process's environment",
    command: ({ machine }) =>
      `cat /proc/[0-9]*/environ 2>/dev/null | grep -qa ${machine.environmentSecret} && echo REACHED`,
    without: ['empty-environment'],
    withoutAsUser: ['empty-environment'],
  },
  {
    name: "read the host's environment, with its key",
    command: ({ machine: { pid } }) => `grep -qa PATH= /proc/${pid}/environ && echo REACHED`,
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
    name: 'read secrets among the arguments of programs',
    command: ({ machine }) =>
      `cat /proc/[0-9]*/cmdline 2>/dev/null | grep -qa ${machine.argumentSecret.slice(0, 20)}[${machine.argumentSecret.slice(20, 21)}] && echo REACHED`,
    without: ['pid-namespace'],
    withoutAsUser: ['pid-namespace'],
  },
  {
    name: "read the host's memory",
    command: ({ machine: { pid } }) =>
      nodeScript(
        `const fs = require("fs"); const start = parseInt(fs.readFileSync("/proc/${pid}/maps", "utf8"), 16); if (fs.readSync(fs.openSync("/proc/${pid}/mem"), Buffer.alloc(16), 0, 16, start) === 16) console.log("REACHED")`,
      ),
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
    name: "read the host's records of sandboxes",
    command: ({ neighbour }) => `grep -q ${neighbour.id} ${neighbour.folder}/sandbox.json && echo REACHED`,
    without: ['private-tmp', 'unprivileged-uid'],
    withoutAsUser: ['private-tmp'],
  },
  {
    name: "list the home of the host's user, with its keys",
    command: ({ machine }) => `[ -n "$(ls -A ${machine.home})" ] && echo REACHED`,
    without: ['selected-folders', 'unprivileged-uid'],
    withoutAsUser: ['selected-folders'],
  },
  {
    name: "read another program's shared memory in /dev/shm",
    command: ({ machine }) => `grep -rqs ${machine.sharedSecret} /dev/shm && echo REACHED`,
    without: ['private-devices'],
    withoutAsUser: ['private-devices'],
  },
]);
