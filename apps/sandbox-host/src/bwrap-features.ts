import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BwrapFeatures } from './wall.ts';

/** What this bwrap can do, by its own help; nothing when it does not run or there is none. */
export async function readBwrapFeatures(bwrapPath: string | null): Promise<BwrapFeatures> {
  if (bwrapPath === null) return { canLimitSize: false, canDisableNesting: false };
  const help = await promisify(execFile)(bwrapPath, ['--help'], { timeout: 10_000, env: {} }).then(
    ({ stdout, stderr }) => stdout + stderr,
    () => '',
  );
  return { canLimitSize: help.includes('--size '), canDisableNesting: help.includes('--disable-userns') };
}
