import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from './stack.ts';

const readme = path.resolve(import.meta.dirname, '../../../README.md');
let stack: Stack;
let folder = '';
beforeAll(async () => {
  stack = await startStack();
  folder = await mkdtemp(path.join(tmpdir(), 'readme-'));
  await mkdir(path.join(folder, '.data'));
  await writeFile(path.join(folder, '.data/dev.json'), JSON.stringify({ apiKey: stack.apiKey }));
}, 120_000);
afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true });
}, 30_000);

describe('the README', () => {
  it('shows a curl that starts a run and streams it to its end', async () => {
    const [, block = ''] = /```sh\n(SWITCHYARD_KEY=[\s\S]*?)```/.exec(await readFile(readme, 'utf8')) ?? [];
    const script = block.replace('http://127.0.0.1:8787', stack.gatewayUrl);
    expect(script).toContain(stack.gatewayUrl);
    const { stdout } = await promisify(execFile)('bash', ['-euc', script], { cwd: folder, timeout: 60_000 });
    expect(stdout).toContain('"type":"finish"');
    expect(stdout.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });
});
