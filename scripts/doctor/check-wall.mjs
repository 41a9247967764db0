// @ts-check
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fine, weak, wrong } from './finding.mjs';

/** @typedef {import('./finding.mjs').Finding} Finding */
/** @typedef {import('./read-settings.mjs').Settings} Settings */

/**
 * What `apps/sandbox-host/src/try-sandbox.ts` prints.
 * @typedef {{
 *   readonly trouble: { readonly reason: string, readonly remedy: string } | null,
 *   readonly startMs: number,
 *   readonly weaknesses: readonly string[],
 * }} Trial
 */

const trialMs = 60_000;

/**
 * Starts a sandbox for real: whether a machine lets ordinary users make namespaces only shows when they try.
 * @param {{ readonly settings: Settings, readonly root: string, readonly node: string | null }} options
 * @returns {Promise<Finding[]>}
 */
export async function checkWall({ settings, root, node }) {
  if (settings.has('DAYTONA_API_URL')) return [fine('wall', 'that of the service at DAYTONA_API_URL')];
  if (process.platform !== 'linux') {
    const command = 'echo DAYTONA_API_URL=… >> .env && echo DAYTONA_API_KEY=… >> .env';
    return [wrong('namespaces', 'sandboxes need Linux: name a service that has them', command)];
  }
  const bwrap = findBubblewrap(settings, root);
  if (bwrap === null && !existsSync('/usr/bin/dpkg-deb')) {
    return [wrong('namespaces', 'bubblewrap is not installed', 'sudo dnf install bubblewrap')];
  }
  if (bwrap === null || node === null) {
    return [
      weak('namespaces', 'not tried: run npm start once, which fetches what is missing, then this again'),
    ];
  }
  const trial = await trySandbox({ root, node, bwrap });
  if (trial === null) {
    return [
      wrong(
        'namespaces',
        'the sandbox host did not answer',
        `${node} apps/sandbox-host/src/try-sandbox.ts ${bwrap}`,
      ),
    ];
  }
  if (trial.trouble !== null) {
    const { reason, remedy } = trial.trouble;
    return [wrong('namespaces', reason, /"([^"]+)"/.exec(remedy)?.[1] ?? remedy)];
  }
  return [
    fine('namespaces', `a sandbox starts in ${trial.startMs} ms`),
    ...(trial.weaknesses.length === 0 ? [fine('wall', 'whole')] : []),
    ...trial.weaknesses.map((text) => weak('wall', text)),
  ];
}

/** @param {Settings} settings @param {string} root */
function findBubblewrap(settings, root) {
  const named = settings.get('BWRAP_PATH')?.value;
  if (named !== undefined) return named;
  const searchPath = (settings.get('PATH')?.value ?? '')
    .split(path.delimiter)
    .filter((folder) => folder !== '');
  const fetched = path.join(root, '.cache/debian/bubblewrap/usr/bin');
  const candidates = [
    ...searchPath.map((folder) => path.join(folder, 'bwrap')),
    path.join(fetched, 'bwrap-with-libraries'),
    path.join(fetched, 'bwrap'),
  ];
  return candidates.find((candidate) => existsSync(candidate)) ?? null;
}

/**
 * @param {{ readonly root: string, readonly node: string, readonly bwrap: string }} options
 * @returns {Promise<Trial | null>}
 */
function trySandbox({ root, node, bwrap }) {
  return new Promise((resolve) => {
    const script = path.join(root, 'apps/sandbox-host/src/try-sandbox.ts');
    const child = spawn(node, ['--disable-warning=ExperimentalWarning', script, bwrap], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: trialMs,
      killSignal: 'SIGTERM',
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output += text;
    });
    child.once('error', () => resolve(null));
    child.once('close', () => {
      try {
        resolve(JSON.parse(output));
      } catch {
        resolve(null);
      }
    });
  });
}
