import { randomInt, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { createLogger } from '@switchyard/process';
import type { Sandbox } from '@switchyard/sandbox';
import type { Defence } from '../../src/defences.ts';
import { recordNetwork, type RecordedNetwork } from '../recorded-network.ts';
import { runIn, startTestHost, temporaryFolder, type TestHost } from '../test-host.ts';
import type { HostVariant, Machine, Neighbour, Probe } from './probe.ts';
import { smallLimits } from './resources.ts';

/** A host without some defences, a neighbour in it, and a sandbox to attack from. */
interface Arena {
  readonly host: TestHost;
  readonly network: RecordedNetwork;
  readonly neighbour: Neighbour;
  readonly attacker: Sandbox;
  close(): Promise<void>;
}

const publicAddress = '93.184.216.34';
const names = {
  'public.test': [[publicAddress]],
  'listed.test': [[publicAddress]],
  'inside.test': [['10.1.2.3']],
  'changing.test': [[publicAddress], ['10.4.5.6']],
};

async function startNeighbour(
  { host, open }: TestHost,
  dataDir: string,
): Promise<Neighbour & { readonly listenerPid: number }> {
  const sandbox = await open(randomUUID());
  const secret = `neighbour-${randomUUID()}`;
  const port = randomInt(20_000, 30_000);
  const privateTmpFile = `/tmp/switchyard-wall-test-${sandbox.id}`;
  const sharedMemoryFile = `/dev/shm/switchyard-wall-test-${sandbox.id}`;
  const listen = `require("net").createServer((s) => s.end("${secret}")).listen(${port}, "127.0.0.1", () => require("fs").writeFileSync("up", ""))`;
  const output = await runIn(
    sandbox,
    `umask 077; for file in secret ${privateTmpFile} ${sharedMemoryFile}; do echo ${secret} > $file; done
node -e '${listen}' > /dev/null 2>&1 & echo $!; until [ -e up ]; do sleep 0.02; done`,
  );
  const folder = path.join(dataDir, 'sandboxes', sandbox.id);
  return {
    id: sandbox.id,
    folder,
    workspace: path.join(folder, 'workspace'),
    pid: host.registry.running().find(({ id }) => id === sandbox.id)?.namespace.identity.pid ?? 0,
    secret,
    privateTmpFile,
    sharedMemoryFile,
    port,
    listenerPid: Number(output),
  };
}

async function openArena(
  machine: Machine,
  variant: HostVariant,
  without: readonly Defence[],
): Promise<Arena> {
  const data = await temporaryFolder();
  const network = recordNetwork(names, machine.webPort);
  const host = await startTestHost(data.path, {
    network,
    withoutDefences: without,
    environment: { SECRET_OF_THE_HOST: machine.environmentSecret },
    minFreeDiskBytes: 0,
    logger: createLogger({ name: 'sandbox-host', level: 'error' }),
    ...(variant === 'listed' ? { egress: { allowedDomains: ['listed.test', '*.listed.test'] } } : {}),
    ...(variant === 'small' ? { limits: smallLimits } : {}),
  });
  const neighbour = await startNeighbour(host, data.path);
  const attacker = await host.open(randomUUID());
  return {
    host,
    network,
    neighbour,
    attacker,
    async close() {
      await host.close();
      // Without a namespace it does not end with its sandbox.
      if (without.includes('pid-namespace')) process.kill(neighbour.listenerPid, 'SIGKILL');
      await data.remove();
      // Sandboxes without a /tmp of their own keep outputs in this machine's.
      const outputs = [attacker.incarnation].map(
        (incarnation) => `/tmp/.switchyard-${incarnation.split('@')[1] ?? ''}`,
      );
      for (const file of [neighbour.privateTmpFile, neighbour.sharedMemoryFile, ...outputs]) {
        await rm(file, { recursive: true, force: true });
      }
    },
  };
}

export interface ProbeResult {
  readonly hasReached: boolean;
  /** What the probe printed, or how its sandbox ended. */
  readonly output: string;
  /** `address:port` of what the proxy dialled. */
  readonly dialled: readonly string[];
}

const never = new AbortController().signal;
/** Every arena is two sandboxes and a host that looks after them. */
const maxArenas = 4;

/** Runs probes, arenas kept for those that come next. */
export function createArenas(machine: Machine) {
  /** The one that was used last stands last. */
  const arenas = new Map<string, Promise<Arena>>();

  async function find(variant: HostVariant, without: readonly Defence[]): Promise<Arena> {
    const key = [variant, ...without.toSorted()].join(' ');
    const known = arenas.get(key);
    arenas.delete(key);
    const [oldest] = arenas.size < maxArenas ? [] : arenas.keys();
    if (oldest !== undefined) {
      const closing = arenas.get(oldest);
      arenas.delete(oldest);
      await (await closing)?.close();
    }
    const open = async () => await openArena(machine, variant, without);
    // On a busy machine a control's sandbox was seen not to start, for a reason that is not known yet: it is printed.
    const arena = known ?? open().catch(open);
    arenas.set(key, arena);
    return arena;
  }

  return {
    async run({ command, variant = 'open' }: Probe, without: readonly Defence[]): Promise<ProbeResult> {
      const { host, network, neighbour, attacker } = await find(variant, without);
      const before = network.dialled.length;
      network.resolved.length = 0;
      const sandbox = variant === 'small' ? await host.open(randomUUID()) : attacker;
      // One whose sandbox is gone would be held by that, and not by the wall.
      const alive = await sandbox.run({ command: 'echo ALIVE', timeoutMs: 20_000, signal: never });
      if (alive.output !== 'ALIVE\n')
        throw new Error(`The attacker’s sandbox does not work: ${alive.output}`);
      const result = await sandbox
        .run({
          command: command({ machine, neighbour, patienceS: without.length === 0 ? 50 : 2 }),
          timeoutMs: 90_000,
          signal: never,
        })
        .catch((error: unknown) => {
          // Only a small sandbox may be ended by what is tried in it.
          if (variant !== 'small') throw error;
          return { output: `ended: ${String(error)}` };
        });
      return {
        hasReached: /^REACHED$/m.test(result.output),
        output: result.output,
        dialled: network.dialled.slice(before),
      };
    },
    async close() {
      for (const arena of await Promise.allSettled(arenas.values())) {
        if (arena.status === 'fulfilled') await arena.value.close();
      }
    },
  };
}
