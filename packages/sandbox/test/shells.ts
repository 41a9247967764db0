import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { changeScript, type ContentSource } from '../src/change-script.ts';
import type { EffectClaim } from '../src/claimed-effect.ts';

/** The shells that services start scripts with; each runs them here as it would there, in a folder of this machine. */
export const shells = ['/bin/bash', '/bin/dash', '/bin/sh'].filter((shell) => existsSync(shell));

/** Runs a script as a service would; gives its answer. */
export function runShell(shell: string, script: string): Promise<{ words: string[]; lines: Buffer[] }> {
  return new Promise((resolve, reject) => {
    const child = spawn(shell, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', () => {
      const [head = '', ...lines] = Buffer.concat(chunks).toString('utf8').split('\n');
      resolve({ words: head.split(' ').slice(1), lines: lines.map((line) => Buffer.from(line, 'base64')) });
    });
    child.stdin.end(`{\n${script}\n} </dev/null\n`);
  });
}

/** Of one file, in the folder `root`, with that content. */
export const writeScript = (
  root: string,
  source: ContentSource,
  more: { readonly claim?: EffectClaim; readonly uploadPath?: string } = {},
) =>
  changeScript({
    claim: null,
    root,
    nonce: 'aa',
    uploadPath: null,
    changes: [
      {
        kind: 'write',
        path: path.join(root, 'file'),
        mode: 0o644,
        isModeForced: false,
        source,
        expected: null,
        seen: null,
        replaced: null,
      },
    ],
    ...more,
  });
