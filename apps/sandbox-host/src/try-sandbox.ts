/**
 * Starts a host and one sandbox, runs a command in it, and prints as JSON what came of it: for `npm run doctor`. Its
 * parameter is the bwrap binary.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@switchyard/process';
import { readBwrapFeatures } from './bwrap-features.ts';
import type { WallTrouble } from './check-wall.ts';
import { HostError } from './host-error.ts';
import { startSandboxHost } from './start-host.ts';
import { findProcessor } from './system-calls.ts';

/** In words for operators; each is explained in SECURITY.md. */
async function findWeaknesses(bwrapPath: string, memoryLimitBy: 'cgroup' | 'measure'): Promise<string[]> {
  const { canLimitSize, canDisableNesting } = await readBwrapFeatures(bwrapPath);
  return [
    ...(process.getuid?.() === 0 ? [] : ['all sandboxes run as one user: only root can give each its own']),
    ...(memoryLimitBy === 'cgroup'
      ? []
      : ['memory is measured by the host, not limited by a cgroup of its own']),
    ...(findProcessor(process.arch) === null ? ['no system call filter for this processor'] : []),
    ...(canLimitSize && canDisableNesting ? [] : ['this bubblewrap is older than 0.8']),
  ];
}

async function trySandbox(bwrapPath: string, dataDir: string): Promise<object> {
  const host = await startSandboxHost({
    host: '127.0.0.1',
    port: 0,
    apiKey: 'of-no-use-to-anybody',
    dataDir,
    bwrapPath,
    minFreeDiskBytes: 0,
    egress: null,
    logger: createLogger({ name: 'try-sandbox', level: 'silent' }),
  });
  try {
    const startedAt = performance.now();
    await host.registry.create({ name: null, labels: {}, autoStopMinutes: null });
    const startMs = Math.round(performance.now() - startedAt);
    return { trouble: null, startMs, weaknesses: await findWeaknesses(bwrapPath, host.memoryLimitBy) };
  } catch (error) {
    const reason = error instanceof HostError ? error.message : 'The sandbox host failed.';
    const trouble: WallTrouble = host.trouble ?? splitTrouble(reason);
    return { trouble, startMs: 0, weaknesses: [] };
  } finally {
    await host.close();
  }
}

/** The host says reason and remedy as one text. */
function splitTrouble(text: string): WallTrouble {
  const end = text.indexOf('. ') + 1;
  return end === 0
    ? { reason: text, remedy: '' }
    : { reason: text.slice(0, end), remedy: text.slice(end + 1) };
}

const [bwrapPath = ''] = process.argv.slice(2);
const dataDir = await mkdtemp(join(tmpdir(), 'switchyard-try-'));
try {
  process.stdout.write(`${JSON.stringify(await trySandbox(bwrapPath, dataDir))}\n`);
} finally {
  await rm(dataDir, { recursive: true, force: true });
}
