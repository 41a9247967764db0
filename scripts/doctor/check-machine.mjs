// @ts-check
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fetchedNode, isFittingNode, nodePackage } from '../bootstrap/tool-versions.mjs';
import { fine, weak, wrong } from './finding.mjs';

/** @typedef {import('./finding.mjs').Finding} Finding */

/** Everything of `npm start` together takes some 700 MB, a sandbox with a build a gigabyte more (measured, guess). */
const memory = { least: 1, enough: 3 };
/** Packages, programs and an empty database take 1 GB; workspaces come on top. */
const disk = { least: 1, enough: 5 };

const gibibyte = 1024 ** 3;
/** @param {number} bytes */
const inGigabytes = (bytes) => `${(bytes / gibibyte).toFixed(1)} GB`;

/**
 * @param {{ readonly version: string, readonly isMusl: boolean, readonly toolsDirectory: string }} machine
 * @returns {Finding}
 */
export function checkNode({ version, isMusl, toolsDirectory }) {
  const { platform, arch } = process;
  if (isFittingNode(version)) return fine('Node', version);
  if (existsSync(path.join(toolsDirectory, 'node_modules/.bin/node'))) {
    return fine('Node', `${fetchedNode.version}, fetched (yours is ${version})`);
  }
  if (nodePackage({ platform, arch, isMusl }) !== null) {
    return weak('Node', `${version} does not fit; npm start fetches ${fetchedNode.version}`);
  }
  return wrong('Node', `${version} does not fit, and none can be fetched here`, 'nvm install 26');
}

/** @param {string} root @returns {Finding} */
export function checkPackages(root) {
  return existsSync(path.join(root, 'apps/sandbox-host/node_modules'))
    ? fine('packages', 'installed')
    : weak('packages', 'not installed; npm start does it');
}

/** @returns {Finding} */
export function checkMemory({ total, available } = readMemory()) {
  const text = `${inGigabytes(available)} free of ${inGigabytes(total)}`;
  if (available < memory.least * gibibyte) {
    const command = process.platform === 'linux' ? 'ps -eo rss,pid,args --sort=-rss | head' : 'top -o mem';
    return wrong('memory', `${text}: too little to start`, command);
  }
  return available < memory.enough * gibibyte
    ? weak('memory', `${text}: enough to start, little for sandboxes`)
    : fine('memory', text);
}

/** Of this machine, or of the container that we are in. */
function readMemory() {
  const limit = process.constrainedMemory?.() ?? 0;
  const total = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
  const match = readText('/proc/meminfo').match(/^MemAvailable:\s+(\d+) kB$/m);
  const free = match ? Number(match[1]) * 1024 : os.freemem();
  return { total, available: Math.min(total, free) };
}

/**
 * @param {string} folder
 * @param {{ readonly total: number, readonly available: number }} space
 * @returns {Finding}
 */
export function checkDisk(folder, { total, available } = readDisk(folder)) {
  const text = `${inGigabytes(available)} free of ${inGigabytes(total)}`;
  if (available < disk.least * gibibyte)
    return wrong('disk', `${text}: too little to start`, 'npm run reset');
  return available < disk.enough * gibibyte
    ? weak('disk', `${text}: enough to start, little for workspaces`)
    : fine('disk', text);
}

/** @param {string} folder */
function readDisk(folder) {
  const { blocks, bavail, bsize } = statfsSync(folder);
  return { total: blocks * bsize, available: bavail * bsize };
}

/** @param {string} file */
function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
