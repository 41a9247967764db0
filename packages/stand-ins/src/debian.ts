import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './run-command.ts';
import { missingLibraries, packagesOfLibrary } from './shared-libraries.ts';

export interface DebianPackages {
  /** Where each package lies unpacked, by its name. */
  readonly directories: ReadonlyMap<string, string>;
  /** For `LD_LIBRARY_PATH`: where the unpacked shared libraries are. Empty when the machine's own suffice. */
  readonly libraryPath: string;
  /** The path of a program that one of the packages brought, or null. */
  findProgram(name: string): string | null;
}

export interface FetchDebianPackagesOptions {
  readonly names: readonly string[];
  readonly cacheDir: string;
  /** Told in one line what is fetched, how much and where to, before it happens. */
  readonly log: (line: string) => void;
}

/** A mirror that says nothing for this long is down. */
const aptMs = 120_000;
/** A library's own libraries may be missing too; nothing here is deeper than two. */
const libraryRounds = 3;
const programDirectories = ['usr/bin', 'usr/sbin', 'bin', 'sbin'];

/** True on machines whose packages this module can fetch: Debian, Ubuntu and what descends from them. */
export function hasDebianPackages(): boolean {
  return ['apt-get', 'apt-cache', 'dpkg-deb'].every((program) => existsSync(`/usr/bin/${program}`));
}

/**
 * Unpacks packages of the machine's own distribution below `cacheDir`, without root and without installing them, and
 * then the shared libraries that their programs miss on this machine. apt verifies the signatures. What is there
 * already is not fetched again. Throws an Error that says what to do.
 */
export async function fetchDebianPackages(options: FetchDebianPackagesOptions): Promise<DebianPackages> {
  const root = path.join(path.resolve(options.cacheDir), 'debian');
  await mkdir(root, { recursive: true });
  const apt = createApt(root, options.log);
  const directories = new Map<string, string>();
  const add = async (names: readonly string[]) => {
    const missing = names.filter((name) => !existsSync(path.join(root, name)));
    if (missing.length > 0) await apt.fetch(missing);
    for (const name of names) directories.set(name, path.join(root, name));
  };

  try {
    await add(options.names);
    for (let round = 1; round <= libraryRounds; round += 1) {
      const missing = await missingLibraries([...directories.values()]);
      if (missing.length === 0) break;
      const names: string[] = [];
      for (const library of missing) {
        const candidates = packagesOfLibrary(library);
        const cached = candidates.find((name) => existsSync(path.join(root, name)));
        names.push(
          cached ?? (await apt.firstKnown(candidates)) ?? failed(`${library} is missing on this machine`),
        );
      }
      await add([...new Set(names)]);
    }
  } finally {
    await apt.close();
  }
  await mendLinks([...directories.values()]);
  return describe(directories);
}

/**
 * A program may be a link to a file of another package (redis-server is redis-tools' redis-check-rdb under another
 * name, and goes by the name it is started under). Packages are unpacked apart, so such links are led across.
 */
async function mendLinks(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    for (const bin of programDirectories) {
      const place = path.join(directory, bin);
      if (!existsSync(place)) continue;
      for (const entry of await readdir(place, { withFileTypes: true })) {
        const link = path.join(place, entry.name);
        if (!entry.isSymbolicLink() || existsSync(link)) continue;
        const target = path.join(bin, await readlink(link));
        const owner = directories.find((other) => existsSync(path.join(other, target)));
        if (owner === undefined) continue;
        await rm(link);
        await symlink(path.relative(place, path.join(owner, target)), link);
      }
    }
  }
}

function describe(directories: ReadonlyMap<string, string>): DebianPackages {
  const triplets = ['x86_64-linux-gnu', 'aarch64-linux-gnu', ''];
  const libraryDirectories = [...directories.values()].flatMap((directory) =>
    ['usr/lib', 'lib'].flatMap((lib) => triplets.map((triplet) => path.join(directory, lib, triplet))),
  );
  return {
    directories,
    libraryPath: libraryDirectories.filter(holdsLibraries).join(':'),
    findProgram(name) {
      const places = [...directories.values()].flatMap((directory) =>
        programDirectories.map((bin) => path.join(directory, bin, name)),
      );
      return places.find((place) => existsSync(place)) ?? null;
    },
  };
}

function holdsLibraries(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).some((name) => name.includes('.so'));
}

/** apt with its state below `root`: the machine's own lists and caches are neither read nor written. */
function createApt(root: string, log: (line: string) => void) {
  // Its own for each call: a launcher fetches Redis and bubblewrap at the same time, and removes it at its end.
  const state = path.join(root, `.apt-${randomUUID()}`);
  const settings = [
    `Dir::State::lists=${state}/lists`,
    `Dir::Cache=${state}/cache`,
    // An empty one: what is installed here is no candidate, for its version may have gone from the sources.
    `Dir::State::status=${state}/status`,
    'Debug::NoLocking=1',
    'Acquire::Retries=2',
    'Acquire::http::Timeout=20',
    'Acquire::Languages=none',
    // As root apt would drop to a user who may not write here.
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting]);
  let hasLists = false;

  async function update(): Promise<void> {
    if (hasLists) return;
    log(`fetching the package lists of this machine's Debian sources (about 10 MB) to ${state}`);
    await mkdir(path.join(state, 'lists', 'partial'), { recursive: true });
    await mkdir(path.join(state, 'cache', 'archives', 'partial'), { recursive: true });
    await writeFile(path.join(state, 'status'), '');
    // Its exit code says little: one dead source of many is no reason to stop. The download below decides.
    await runCommand('apt-get', [...settings, '-q', 'update'], { timeoutMs: aptMs });
    hasLists = true;
  }

  async function fetch(names: readonly string[]): Promise<void> {
    await update();
    const addresses = await runCommand(
      'apt-get',
      [...settings, '-qq', '--print-uris', 'download', ...names],
      {
        timeoutMs: aptMs,
      },
    );
    if (addresses.exitCode !== 0) failed(`${names.join(', ')}: ${lastError(addresses.output)}`);
    log(`fetching ${names.join(', ')} (${formatSize(addresses.output)}) to ${root}`);

    const workshop = await mkdtemp(path.join(root, '.fetch-'));
    try {
      const result = await runCommand('apt-get', [...settings, '-qq', 'download', ...names], {
        timeoutMs: aptMs,
        workingDirectory: workshop,
      });
      if (result.exitCode !== 0) failed(`${names.join(', ')}: ${lastError(result.output)}`);
      for (const file of await readdir(workshop)) {
        const name = file.split('_')[0] ?? file;
        const unpacked = path.join(workshop, `${name}.unpacked`);
        const unpacking = await runCommand('dpkg-deb', ['-x', path.join(workshop, file), unpacked], {
          timeoutMs: aptMs,
        });
        if (unpacking.exitCode !== 0) failed(`${file}: ${unpacking.output.trim()}`);
        await rm(path.join(root, name), { recursive: true, force: true });
        await rename(unpacked, path.join(root, name));
      }
    } finally {
      await rm(workshop, { recursive: true, force: true });
    }
  }

  async function firstKnown(names: readonly string[]): Promise<string | undefined> {
    await update();
    for (const name of names) {
      const known = await runCommand('apt-cache', [...settings, 'show', '--no-all-versions', name], {
        timeoutMs: aptMs,
      });
      if (known.exitCode === 0) return name;
    }
    return undefined;
  }

  return { fetch, firstKnown, close: () => rm(state, { recursive: true, force: true }) };
}

function failed(reason: string): never {
  throw new Error(`Debian packages could not be fetched: ${reason}`);
}

function lastError(output: string): string {
  return output.split('\n').findLast((line) => line.startsWith('E: ')) ?? output.trim().slice(-300);
}

/** Sums the sizes of `apt-get --print-uris`: `'<url>' <file> <bytes> <hash>` a line. */
function formatSize(addresses: string): string {
  const bytes = [...addresses.matchAll(/^'[^']+' \S+ (\d+)/gm)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
