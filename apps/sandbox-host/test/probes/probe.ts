import type { Defence } from '../../src/defences.ts';

/** What is attacked; at least so many probes of each are asked for by the test. */
export type ProbeClass =
  | 'files'
  | 'proc and sysctl'
  | 'sockets and egress'
  | 'system calls'
  | 'resources'
  | 'secrets'
  | 'neighbours';

/**
 * A host to attack: `listed` allows some domains only, `small` gives little of everything, and each of its probes a
 * sandbox of its own, which it may ruin.
 */
export type HostVariant = 'open' | 'listed' | 'small';

/**
 * One command that prints `REACHED` when it got through. It must fail behind the whole wall, and succeed, word for
 * word the same, when the smallest set of defences that stands against it is off: a probe that cannot succeed proves
 * nothing.
 */
export interface Probe {
  readonly probeClass: ProbeClass;
  readonly name: string;
  readonly command: (scene: Scene) => string;
  /** On a host that root runs. */
  readonly without: readonly Defence[];
  /** On a host that another user runs; null where this machine itself says no already. */
  readonly withoutAsUser: readonly Defence[] | null;
  /** Others are not told by the kernel what they would need to know to hold it. */
  readonly isHeldByRootOnly?: boolean;
  /** Default: `open`. */
  readonly variant?: HostVariant;
  /** What the proxy dials when it is not held: nobody need listen there. */
  readonly dials?: string;
}

/** What there is to be reached on the machine and in the sandbox beside. */
export interface Scene {
  readonly machine: Machine;
  readonly neighbour: Neighbour;
  /**
   * How long what is held only by looking has to live on to have got through: behind the wall far longer than the
   * host needs on a machine that is busy.
   */
  readonly patienceS: number;
}

export interface Machine {
  /** Below /tmp, open to everybody. */
  readonly openFolder: string;
  /** Below /tmp, readable by this process's user alone; holds `fileSecret`. */
  readonly privateFile: string;
  /** Below /var/tmp, open to everybody. */
  readonly openVarFolder: string;
  /** Below /var/tmp, as `privateFile`. */
  readonly privateVarFile: string;
  /** The home of this process's user. */
  readonly home: string;
  /** On the loopback: HTTP, and datagrams; both answer with `answerSecret`. */
  readonly webPort: number;
  readonly datagramPort: number;
  /** Unix sockets of HTTP: in the namespace of names, and in `openFolder`. */
  readonly abstractSocket: string;
  readonly socketPath: string;
  /** A process that has `argumentSecret` among its arguments. */
  readonly pid: number;
  /** One that this process can open and that no sandbox has: `b` is a block device, `c` a character device. */
  readonly device: {
    readonly path: string;
    readonly kind: 'b' | 'c';
    readonly major: number;
    readonly minor: number;
  };
  readonly environmentSecret: string;
  readonly fileSecret: string;
  readonly answerSecret: string;
  readonly argumentSecret: string;
  readonly sharedSecret: string;
}

/** Another sandbox of the same host. */
export interface Neighbour {
  readonly id: string;
  readonly folder: string;
  readonly workspace: string;
  /** Of its namespace's first process, as this machine sees it. */
  readonly pid: number;
  /** In its workspace, in /tmp (readable by itself alone) and in /dev/shm. */
  readonly secret: string;
  readonly privateTmpFile: string;
  readonly sharedMemoryFile: string;
  /** Where a program of it listens on its loopback; answers with `secret`. */
  readonly port: number;
}

/** Makes probes of one class. */
export function probesOf(
  probeClass: ProbeClass,
  probes: readonly Omit<Probe, 'probeClass'>[],
): readonly Probe[] {
  return probes.map((probe) => ({ ...probe, probeClass }));
}

/** Shell text that runs a script of Node with a word of output. */
export function nodeScript(script: string): string {
  return `node -e '${script.replaceAll("'", String.raw`'\''`)}'`;
}
