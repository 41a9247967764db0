// @ts-check
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const cacheDirectory = path.join(root, '.cache');
export const dataDirectory = path.join(root, '.data');
/** Node and pnpm, an npm project of their own. */
export const toolsDirectory = path.join(cacheDirectory, 'tools');
/** The whole output of npm and pnpm, for when one line does not suffice. */
export const logFile = path.join(cacheDirectory, 'bootstrap.log');
