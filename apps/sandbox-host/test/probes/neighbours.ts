import { nodeScript, probesOf } from './probe.ts';

export const neighbourProbes = probesOf('neighbours', [
  {
    name: "read a neighbour's workspace",
    command: ({ neighbour }) => `grep -q ${neighbour.secret} ${neighbour.workspace}/secret && echo REACHED`,
    without: ['private-tmp', 'unprivileged-uid'],
    withoutAsUser: ['private-tmp'],
  },
  {
    name: "write into a neighbour's workspace",
    command: ({ neighbour }) => `echo x > ${neighbour.workspace}/written && echo REACHED`,
    without: ['private-tmp', 'unprivileged-uid'],
    withoutAsUser: ['private-tmp'],
  },
  {
    name: "read a neighbour's private file at a place that both see",
    command: ({ neighbour }) => `grep -q ${neighbour.secret} ${neighbour.privateTmpFile} && echo REACHED`,
    without: ['private-tmp', 'own-user-id'],
    withoutAsUser: ['private-tmp'],
  },
  {
    name: "see a neighbour's processes",
    command: ({ neighbour: { pid } }) =>
      `[ -e /proc/${pid}/stat ] && grep -q switchyard/init /proc/${pid}/cmdline && echo REACHED`,
    without: ['pid-namespace'],
    withoutAsUser: ['pid-namespace'],
  },
  {
    name: "signal a neighbour's process",
    command: ({ neighbour: { pid } }) => `kill -0 ${pid} && echo REACHED`,
    without: ['pid-namespace', 'own-user-id'],
    withoutAsUser: ['pid-namespace'],
  },
  {
    name: "run a command by a neighbour's init",
    command: ({ neighbour }) =>
      nodeScript(
        `require("http").get({ socketPath: "${neighbour.folder}/run/init.sock", path: "/ping" }, (r) => console.log(r.statusCode === 200 ? "REACHED" : r.statusCode)).on("error", (e) => console.log(e.code))`,
      ),
    without: ['private-tmp', 'unprivileged-uid'],
    withoutAsUser: ['private-tmp'],
  },
  {
    name: "reach a neighbour's program at its port",
    command: ({ neighbour }) =>
      nodeScript(
        `const s = require("net").connect(${neighbour.port}, "127.0.0.1"); s.on("data", (d) => { console.log(String(d).includes("${neighbour.secret}") ? "REACHED" : "no"); process.exit() }); s.on("error", (e) => console.log(e.code))`,
      ),
    without: ['network-namespace'],
    withoutAsUser: ['network-namespace'],
  },
  {
    name: "read a neighbour's shared memory",
    command: ({ neighbour }) => `grep -qs ${neighbour.secret} ${neighbour.sharedMemoryFile} && echo REACHED`,
    without: ['private-devices', 'own-user-id'],
    withoutAsUser: ['private-devices'],
  },
]);
