import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from './browser.ts';
import { startViteApp } from './example-app.ts';
import { type Stack, startStack } from './stack.ts';

const standalone = path.resolve(import.meta.dirname, '..');
const repository = path.resolve(standalone, '../..');
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

  describe('has ten lines that put it behind a React app', () => {
    let app = '';
    let block = '';
    beforeAll(async () => {
      block = /```tsx\n([\s\S]*?)```/.exec(await readFile(readme, 'utf8'))?.[1] ?? '';
      // Where the packages are found that the lines import.
      await mkdir(path.join(standalone, '.cache'), { recursive: true });
      app = await mkdtemp(path.join(standalone, '.cache/readme-'));
      const files = {
        'chat.tsx': block.replace('http://127.0.0.1:8787', stack.gatewayUrl),
        'main.tsx': `import { createRoot } from 'react-dom/client';
          import { Chat } from './chat.tsx';
          createRoot(document.body).render(<Chat id="${randomUUID()}" />);`,
        'index.html': '<!doctype html><body><script type="module" src="./main.tsx"></script>',
        'public/token': stack.apiKey,
        'tsconfig.json': JSON.stringify({
          extends: path.join(repository, 'tsconfig.base.json'),
          compilerOptions: {
            lib: ['es2024', 'dom', 'dom.iterable'],
            module: 'esnext',
            moduleResolution: 'bundler',
            jsx: 'react-jsx',
            types: [],
          },
          include: ['*.tsx'],
        }),
      };
      await mkdir(path.join(app, 'public'));
      for (const [name, text] of Object.entries(files)) await writeFile(path.join(app, name), text);
    });
    afterAll(() => rm(app, { recursive: true }));

    it('which are sound by their types', async () => {
      expect(block.trimEnd().split('\n')).toHaveLength(10);
      expect(block).toContain('http://127.0.0.1:8787');
      const tsc = path.join(repository, 'node_modules/.bin/tsc');
      const checked = promisify(execFile)(tsc, ['--project', app], { timeout: 120_000 });
      await expect(checked.catch((error: { stdout: string }) => error.stdout)).resolves.toEqual({
        stdout: '',
        stderr: '',
      });
    }, 120_000);

    it('and which chat, and stop', async () => {
      await stack.setScenario('greeting', {
        match: { text: 'Greet me' },
        turns: [{ steps: [{ text: 'Good morning.' }] }],
      });
      await stack.setScenario('counting', {
        match: { text: 'Count' },
        turns: [{ steps: [{ text: 'One, two' }, { stall: true }] }],
      });
      const [browser, served] = await Promise.all([openBrowser(), startViteApp(app)]);
      try {
        const page = await browser.newPage();
        page.setDefaultTimeout(20_000);
        const faults: unknown[] = [];
        page.on('pageerror', (error) => faults.push(error));
        await page.goto(served.url);
        await page.locator('input').fill('Greet me.');
        await page.keyboard.press('Enter');
        await page.getByText('Good morning.').waitFor();
        await page.locator('input').fill('Count.');
        await page.keyboard.press('Enter');
        await page.getByText('One, two').waitFor();
        await page.getByRole('button', { name: 'Stop' }).click();
        const newest = async () => {
          const { threads } = await stack.client.threads.list();
          return (await stack.client.messages(threads[0]?.id ?? '')).messages.at(-1);
        };
        await expect
          .poll(async () => (await newest())?.metadata?.status, { timeout: 20_000 })
          .toBe('cancelled');
        expect(await page.locator('form p').allTextContents()).toEqual([
          'Greet me.',
          'Good morning.',
          'Count.',
          'One, two',
        ]);
        expect(faults).toEqual([]);
      } finally {
        await browser.close();
        await served.stop();
      }
    }, 120_000);
  });
});
