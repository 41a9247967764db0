import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../src/config.ts';

const run = promisify(execFile);

/** Another release of this repository, ready to be run. */
export interface Release {
  readonly folder: string;
  remove(): Promise<void>;
}

/**
 * The newest commit before this one whose product differs from what stands here, changes that were not committed
 * included; null where there is none: a shallow clone, sources without their history.
 */
export async function findParent(): Promise<string | null> {
  const product = ['apps/*/src/*', 'packages/*/src/*', 'packages/*/migrations/*'];
  try {
    const { stdout } = await run('git', ['rev-list', '--max-count=50', 'HEAD'], { cwd: root });
    for (const commit of stdout.trim().split('\n')) {
      const { stdout: changed } = await run('git', ['diff', '--name-only', commit, '--', ...product], {
        cwd: root,
      });
      const isProduct = changed.split('\n').some((file) => file !== '' && !file.includes('.test.'));
      if (isProduct) return commit;
    }
  } catch {
    // No history, or no git.
  }
  return null;
}

/** Writes a commit's files below `.cache` and installs the packages of its own lockfile there. */
export async function checkOut(commit: string): Promise<Release> {
  const cache = path.join(root, '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(path.join(cache, 'release-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const archive = path.join(folder, 'release.tar');
    await run('git', ['archive', '--format=tar', `--output=${archive}`, commit], { cwd: root });
    await run('tar', ['-xf', archive, '-C', folder]);
    await rm(archive);
    // The tools that are there already: the release would fetch the same.
    await symlink(cache, path.join(folder, '.cache'));
    // Run by pnpm, it would believe that pnpm has just installed everything.
    const { npm_config_user_agent: _, ...env } = process.env;
    await run(process.execPath, [path.join(folder, 'scripts/bootstrap.mjs'), 'install'], {
      cwd: folder,
      env,
    });
    return { folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
