import { closeSync, constants, openSync, readdirSync, readlinkSync } from 'node:fs';

/** What a search may cost, and what it has cost. */
export interface Budget {
  /** By the clock of `Date.now`. */
  readonly deadline: number;
  entriesLeft: number;
}

/** The search has cost all that it may. */
export class BudgetError extends Error {
  readonly because: 'time' | 'entries';
  constructor(because: 'time' | 'entries') {
    super(because);
    this.because = because;
  }
}

export function spendTime({ deadline }: Budget): void {
  if (Date.now() > deadline) throw new BudgetError('time');
}

export interface FoundFile {
  /** Relative to where the walk began. */
  readonly path: string;
  readonly absolutePath: string;
  readonly isLink: boolean;
}

/** Nobody looks for something there unless he says so: histories, packages, caches. */
export const skippedFolders: ReadonlySet<string> = new Set([
  '.git',
  '.hg',
  '.svn',
  'node_modules',
  '__pycache__',
  '.venv',
  '.tox',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
]);

/** Whether what was opened lies below the root, whatever links led there. */
export function isWithin(descriptor: number, root: string): boolean {
  const path = readlinkSync(`/proc/self/fd/${descriptor}`);
  return path === root || path.startsWith(`${root}/`);
}

function entriesOf(folder: string, root: string) {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return isWithin(descriptor, root)
      ? readdirSync(`/proc/self/fd/${descriptor}`, { withFileTypes: true })
      : [];
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The files and links below a folder, sorted by the names on their way; links are not followed, `skippedFolders` and what
 * cannot be read are left out. Throws BudgetError.
 */
export function* walkFiles(
  folder: string,
  { root, budget, prefix = '' }: { readonly root: string; readonly budget: Budget; readonly prefix?: string },
): Generator<FoundFile> {
  spendTime(budget);
  let entries;
  try {
    entries = entriesOf(folder, root);
  } catch {
    return;
  }
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of entries) {
    if (budget.entriesLeft === 0) throw new BudgetError('entries');
    budget.entriesLeft -= 1;
    const [path, absolutePath] = [prefix + entry.name, `${folder}/${entry.name}`];
    if (entry.isDirectory()) {
      if (!skippedFolders.has(entry.name))
        yield* walkFiles(absolutePath, { root, budget, prefix: `${path}/` });
    } else if (entry.isFile() || entry.isSymbolicLink()) {
      yield { path, absolutePath, isLink: entry.isSymbolicLink() };
    }
  }
}
