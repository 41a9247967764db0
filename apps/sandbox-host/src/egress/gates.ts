import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { Logger } from '@switchyard/process';
import { trackConnections } from '../close-server.ts';
import { createEgressProxy } from './egress-proxy.ts';
import type { EgressNetwork } from './find-way.ts';
import type { EgressPolicy } from './policy.ts';

/** The proxies of the running sandboxes, each behind a socket that only its sandbox sees. */
export interface EgressGates {
  /** Opens the sandbox's way out in `folder`, which is mounted into it; one that was open is replaced. */
  open(sandboxId: string, folder: string, policy: EgressPolicy): Promise<void>;
  close(sandboxId: string): Promise<void>;
  closeAll(): Promise<void>;
}

interface Gate {
  readonly closeServer: () => Promise<void>;
  readonly folderFd: number;
}

const socketName = 'proxy.sock';

/** Listens through the folder's descriptor: a socket's path must be shorter than most data folders' are. */
async function listen(server: Server, folder: string): Promise<Gate> {
  await mkdir(folder, { recursive: true });
  // Not the guest's: he may neither replace the socket nor put a link in its place.
  await chmod(folder, 0o755);
  rmSync(join(folder, socketName), { force: true });
  const closeServer = trackConnections(server);
  const folderFd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(`/proc/self/fd/${folderFd}/${socketName}`, resolve);
    });
    // Whoever is behind this wall may ask; nobody else gets as far as the folder.
    await chmod(join(folder, socketName), 0o666);
  } catch (error) {
    closeSync(folderFd);
    throw error;
  }
  return { closeServer, folderFd };
}

export function createEgressGates(options: {
  readonly network: EgressNetwork;
  readonly hasAddressCheck: boolean;
  readonly hasPortCheck: boolean;
  readonly logger: Logger;
}): EgressGates {
  const gates = new Map<string, Gate>();

  async function close(sandboxId: string): Promise<void> {
    const gate = gates.get(sandboxId);
    if (!gate) return;
    gates.delete(sandboxId);
    await gate.closeServer();
    closeSync(gate.folderFd);
  }

  return {
    async open(sandboxId, folder, policy) {
      await close(sandboxId);
      const { logger, ...rules } = options;
      const server = createEgressProxy({ policy, ...rules }, logger);
      gates.set(sandboxId, await listen(server, folder));
    },
    close,
    async closeAll() {
      await Promise.all([...gates.keys()].map(close));
    },
  };
}
