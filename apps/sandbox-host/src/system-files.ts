import { lstatSync, readlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildSeccompProgram } from './seccomp.ts';
import type { generatedEtcFiles, SystemFolder } from './wall.ts';

const etcFiles: Record<(typeof generatedEtcFiles)[number], string> = {
  passwd: 'root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nuser:x:1000:1000:user:/home/user:/bin/bash\n',
  group: 'root:x:0:\nuser:x:1000:\n',
  hosts: '127.0.0.1 localhost sandbox\n::1 localhost\n',
  // Nothing answers names inside: there is no network.
  'resolv.conf': '',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
};

/** Writes what every sandbox shares: the files of its /etc and the system call filter. */
export async function writeSystemFiles(folder: string): Promise<{ etc: string; seccompPath: string }> {
  const etc = join(folder, 'etc');
  await mkdir(etc, { recursive: true, mode: 0o755 });
  await Promise.all(
    Object.entries(etcFiles).map(([name, text]) => writeFile(join(etc, name), text, { mode: 0o644 })),
  );
  const seccompPath = join(folder, 'seccomp.bpf');
  await writeFile(seccompPath, buildSeccompProgram());
  return { etc, seccompPath };
}

/** The system's top folders as this machine has them: merged into /usr by links, or folders of their own. */
export function findSystemFolders(): SystemFolder[] {
  return ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'].flatMap((path): SystemFolder[] => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return [];
    return stat.isSymbolicLink()
      ? [{ path, kind: 'link', target: readlinkSync(path) }]
      : [{ path, kind: 'folder' }];
  });
}
