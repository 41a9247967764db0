// @ts-check
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runLogged } from './child.mjs';
import { installEnvironment } from './environment.mjs';
import { Failure } from './failure.mjs';
import { explainFailure } from './explain-failure.mjs';
import { withInstallLock } from './lock.mjs';
import { toolsDirectory } from './places.mjs';
import { say, step } from './report.mjs';
import { fetchedNode, fetchedPnpm, isFittingNode, nodePackage, pnpmPackage } from './tool-versions.mjs';

/** Programs by their full paths. @typedef {{ readonly node: string, readonly pnpm: string }} Tools */

const stampFile = path.join(toolsDirectory, 'stamp.json');
const binDirectory = path.join(toolsDirectory, 'node_modules', '.bin');
/** For 90 MB over a slow line. */
const fetchTimeoutMs = 15 * 60_000;

/**
 * The user's own Node when it fits, else the one in the cache; and pnpm, which the user's machine rarely has in this
 * version. Fetches what is missing.
 * @returns {Promise<Tools>}
 */
export async function findTools() {
  const isOwnNode = isFittingNode(process.versions.node);
  const node = isOwnNode ? process.execPath : path.join(binDirectory, 'node');
  const tools = { node, pnpm: path.join(binDirectory, 'pnpm') };
  const wanted = JSON.stringify({
    node: isOwnNode ? null : fetchedNode.version,
    pnpm: fetchedPnpm.version,
    machine: `${process.platform}-${process.arch}`,
  });
  const isThere = () => readStamp() === wanted && existsSync(tools.pnpm) && existsSync(tools.node);
  if (!isThere()) {
    await withInstallLock(async () => {
      if (isThere()) return;
      await fetchTools({ isNodeWanted: !isOwnNode });
      await checkTools(tools);
      writeFileSync(stampFile, wanted);
    });
  }
  return tools;
}

function readStamp() {
  try {
    return readFileSync(stampFile, 'utf8');
  } catch {
    return null;
  }
}

/** @param {{ readonly isNodeWanted: boolean }} wish */
async function fetchTools({ isNodeWanted }) {
  const machine = { platform: process.platform, arch: process.arch, isMusl: isMusl() };
  const pnpmName = pnpmPackage(machine);
  const nodeName = nodePackage(machine);
  if (pnpmName === null) {
    throw new Failure(
      `Switchyard runs on Linux and macOS, x64 and arm64; this is ${process.platform}-${process.arch}.`,
    );
  }
  if (isNodeWanted && nodeName === null) {
    throw new Failure(
      `Node ${process.versions.node} does not fit and none can be fetched here: install Node 24 or 26.`,
    );
  }
  /** @type {Record<string, string>} */
  const dependencies = { [pnpmName]: fetchedPnpm.version };
  const parts = [`pnpm ${fetchedPnpm.version} (${fetchedPnpm.megabytes} MB)`];
  if (isNodeWanted && nodeName !== null) {
    dependencies[nodeName] = fetchedNode.version;
    parts.unshift(
      `Node ${fetchedNode.version} (${fetchedNode.megabytes} MB; yours is ${process.versions.node})`,
    );
  }
  say(`Fetching ${parts.join(' and ')} from the npm registry into .cache/tools`);
  mkdirSync(toolsDirectory, { recursive: true });
  rmSync(path.join(toolsDirectory, 'package-lock.json'), { force: true });
  writeFileSync(
    path.join(toolsDirectory, 'package.json'),
    `${JSON.stringify({ name: 'tools', private: true, dependencies }, null, 2)}\n`,
  );
  const npm = findNpm();
  await step('Node and pnpm', async () => {
    const parameters = [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--no-package-lock',
      '--prefer-offline',
    ];
    const result = await runLogged(npm.command, [...npm.parameters, ...parameters], {
      directory: toolsDirectory,
      environment: installEnvironment(),
      timeoutMs: fetchTimeoutMs,
    }).catch(() => {
      throw new Failure('There is no npm on the PATH: install Node with its npm, then try again.');
    });
    if (result.exitCode !== 0) throw explainFailure('npm', result);
  });
  const link = path.join(binDirectory, 'pnpm');
  mkdirSync(binDirectory, { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(path.join('..', pnpmName, 'pnpm'), link);
}

/** A program that is there may still not run, for want of a library. @param {Tools} tools */
async function checkTools(tools) {
  for (const [name, command] of Object.entries(tools)) {
    const result = await runLogged(command, ['--version'], {
      directory: toolsDirectory,
      environment: installEnvironment(),
      timeoutMs: 30_000,
    }).catch((error) => ({ exitCode: null, output: String(error) }));
    if (result.exitCode !== 0) {
      const advice =
        name === 'node' ? 'Install Node 24 or 26 yourself.' : 'Install it yourself: npm install -g pnpm.';
      throw new Failure(
        `The fetched ${name} does not run here: ${result.output.trim().split('\n')[0]}. ${advice}`,
      );
    }
  }
}

/** The npm that runs us, else the one on the PATH. */
function findNpm() {
  const running = process.env.npm_execpath ?? '';
  if (/npm-cli\.[cm]?js$/.test(running) && existsSync(running)) {
    return { command: process.execPath, parameters: [running] };
  }
  return { command: 'npm', parameters: [] };
}

/** Whether this Linux has musl in place of glibc. */
export function isMusl() {
  if (process.platform !== 'linux') return false;
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header?.glibcVersionRuntime === undefined;
}
