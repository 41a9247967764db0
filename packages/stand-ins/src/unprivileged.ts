import { chown, lchown, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './run-command.ts';

/** How to start a program that refuses to run as root. */
export interface UnprivilegedStart {
  /** What stands before the command; empty when we are not root. */
  readonly prefix: readonly string[];
  /** Gives what root made to the user whom the program runs as. */
  own(directory: string): Promise<void>;
}

/** `nobody` on every Linux; only used where user namespaces are missing. */
const nobody = 65534;
const asIs: UnprivilegedStart = { prefix: [], own: async () => undefined };

/**
 * Postgres refuses root. In a user namespace root's files look like an ordinary user's; where namespaces are missing
 * (most containers) the program gets an unprivileged uid and only the right to pass root's directories.
 */
export async function findUnprivilegedStart(): Promise<UnprivilegedStart> {
  if (process.getuid?.() !== 0) return asIs;
  const namespace = ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--'];
  if (await works(namespace)) return { prefix: namespace, own: (directory) => ownTree(directory, 0) };

  const identity = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
  const capability = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  for (const prefix of [
    ['setpriv', ...identity, ...capability, '--'],
    ['setpriv', ...identity, '--'],
  ]) {
    if (await works(prefix)) return { prefix, own: (directory) => ownTree(directory, nobody) };
  }
  throw new Error(
    'Postgres does not run as root, and neither user namespaces nor setpriv work here. Start Switchyard as an ordinary user, or name a server: DATABASE_URL=postgres://…',
  );
}

async function works(prefix: readonly string[]): Promise<boolean> {
  const [command = '', ...args] = prefix;
  return (await runCommand(command, [...args, 'true'], { timeoutMs: 5000 })).exitCode === 0;
}

async function ownTree(directory: string, uid: number): Promise<void> {
  // Everything below belongs to whom it was last given to.
  if ((await stat(directory)).uid === uid) return;
  await chown(directory, uid, uid);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const entryPath = path.join(directory, entry.name);
    if (entry.isDirectory()) await ownTree(entryPath, uid);
    else await lchown(entryPath, uid, uid);
  }
}
