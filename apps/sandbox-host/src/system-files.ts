import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { buildSeccompProgram } from './seccomp.ts';
import { findProcessor } from './system-calls.ts';
import type { generatedEtcFiles, SystemFolder } from './wall.ts';

const etcFiles: Record<(typeof generatedEtcFiles)[number], string> = {
  passwd: 'root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nuser:x:1000:1000:user:/home/user:/bin/bash\n',
  group: 'root:x:0:\nuser:x:1000:\n',
  hosts: '127.0.0.1 localhost sandbox\n::1 localhost\n',
  // Nothing answers names inside: the proxy outside resolves them.
  'resolv.conf': '',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
};

const insideFolder = join(import.meta.dirname, 'inside');

/** Written whole and readable by every sandbox's user, whatever this process's umask is. */
async function publish(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(path, content);
  await chmod(path, 0o644);
}

/** A folder that every sandbox's user may read, once it has been mounted where he can reach it. */
async function makePublicFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
  return path;
}

/** What every sandbox shares, below one folder. */
export interface SystemFiles {
  /** The generated files of /etc. */
  readonly etc: string;
  /** The init, its types stripped: that costs each sandbox 24 MB and most of its start if Node does it there. */
  readonly inside: string;
  /** Empty where there is no filter for this processor. */
  readonly seccompPath: string;
}

/** Writes the files of the sandboxes' /etc, their init, and the system call filter. */
export async function writeSystemFiles(folder: string): Promise<SystemFiles> {
  const etc = await makePublicFolder(join(folder, 'etc'));
  const inside = await makePublicFolder(join(folder, 'inside'));
  const seccompPath = join(folder, 'seccomp.bpf');
  const processor = findProcessor(process.arch);
  await publish(seccompPath, processor === null ? '' : buildSeccompProgram(processor));
  for (const [name, text] of Object.entries(etcFiles)) await publish(join(etc, name), text);
  for (const file of await readdir(insideFolder)) {
    const name = /^([\w-]+)\.ts$/.exec(file)?.[1];
    if (name === undefined) continue;
    const source = await readFile(join(insideFolder, file), 'utf8');
    const script = stripTypeScriptTypes(source).replaceAll(/(from '\.\/[a-z-]+)\.ts'/g, "$1.mjs'");
    await publish(join(inside, `${name}.mjs`), script);
  }
  return { etc, inside, seccompPath };
}

/**
 * The parts of programs that Debian keeps in /etc, with links from /usr to them: without these Java and office programs do
 * not start at all, and pictures and PDF have no letters. What they say of the machine is which packages it has, as /usr.
 */
const partsOfPrograms =
  /^(chromium(\.d)?|fonts|ghostscript|ImageMagick-\d+|java(-\d+)?(-openjdk)?|libreoffice|matplotlibrc|perl)$/;

/**
 * The system's top folders as this machine has them, merged into /usr by links or folders of their own, and what else
 * belongs to its programs.
 */
export function findSystemFolders(): SystemFolder[] {
  const parts = readdirSync('/etc').filter((name) => partsOfPrograms.test(name));
  return [
    '/usr',
    '/bin',
    '/sbin',
    '/lib',
    '/lib32',
    '/lib64',
    '/libx32',
    ...parts.map((name) => `/etc/${name}`),
  ].flatMap((path): SystemFolder[] => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return [];
    return stat.isSymbolicLink()
      ? [{ path, kind: 'link', target: readlinkSync(path) }]
      : [{ path, kind: 'folder' }];
  });
}
