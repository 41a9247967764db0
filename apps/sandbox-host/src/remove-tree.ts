import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findTool } from './launch-command.ts';

/** Of what a tool says: it names every file that stays. */
const maxMessageLength = 500;

/**
 * Removes a folder whatever its owner made of it: coreutils walk it by descriptors, however deep it is, where a path
 * is too long at 4096 bytes. No link is followed, and nobody may be at work in it. Throws when something stays.
 */
export async function removeTree(folder: string): Promise<void> {
  const removal = ['-rf', '--', folder];
  if ((await run('rm', removal)) === null) return;
  // For who is not root: a guest may have closed its folders even to itself. What rm says next tells whether it helped.
  await run('chmod', ['-R', 'u+rwx', '--', folder]);
  const failure = await run('rm', removal);
  if (failure !== null) throw new Error(`The folder could not be removed: ${failure}`);
}

/** Null when it succeeds, else what it said. */
async function run(tool: string, toolArguments: readonly string[]): Promise<string | null> {
  const child = spawn(findTool(tool) ?? tool, toolArguments, {
    env: {},
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, maxMessageLength);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0 ? null : said || `${tool} ended with ${code}.`;
}
