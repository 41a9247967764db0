import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
/** The bootstrap keeps pnpm here; a machine's own comes first. */
const environment = {
  ...process.env,
  PATH: [process.env['PATH'], join(root, '.cache/tools/node_modules/.bin')].join(delimiter),
};
const run = promisify(execFile);

/** Nothing of it is checked if the types came to nothing: then each expected error is one that does not come. */
const program = `
import { createClient, type SwitchyardError, SwitchyardChatTransport } from '@switchyard/client';
import { formatEventId, type SwitchyardMessage } from '@switchyard/protocol';
import type { ChatTransport } from 'ai';
const client = createClient({ url: 'http://127.0.0.1', token: 'key' });
export const transport: ChatTransport<SwitchyardMessage> = new SwitchyardChatTransport({ url: '', token: async () => 'key' });
export const start = (): Promise<{ run: { id: string } }> => client.startRun({ input: 'Go.' });
export const waitMs = (error: SwitchyardError): number | null => error.retryAfterMs;
// @ts-expect-error An input is a text or parts.
export const wrong = () => client.startRun({ input: 1 });
// @ts-expect-error A client needs a token.
export const anonymous = () => createClient({ url: '' });
// @ts-expect-error A position has an epoch.
export const nowhere = () => formatEventId({ ordinal: 1 });
console.log(typeof client.followRun, transport.resumeStreamIsReplay, formatEventId({ epoch: 1, ordinal: 2 }));
`;

describe('the packages that are built for npm', () => {
  let app = '';
  beforeAll(async () => {
    app = await mkdtemp(join(tmpdir(), 'npm-packages-'));
    const modules = join(app, 'node_modules');
    for (const name of ['client', 'protocol']) {
      const target = join(modules, '@switchyard', name);
      await mkdir(target, { recursive: true });
      await run('pnpm', ['pack', '--pack-destination', app], {
        cwd: join(root, 'packages', name),
        env: environment,
      });
      await run('tar', [
        '-xzf',
        join(app, `switchyard-${name}-0.1.0.tgz`),
        '-C',
        target,
        '--strip-components=1',
      ]);
    }
    for (const name of ['ai', 'uuid', 'zod']) {
      await symlink(await realpath(join(root, 'packages/protocol/node_modules', name)), join(modules, name));
    }
    await writeFile(join(app, 'package.json'), '{ "type": "module" }');
    await writeFile(join(app, 'program.ts'), program);
    const compilerOptions = {
      target: 'es2022',
      module: 'nodenext',
      lib: ['es2022', 'dom', 'dom.iterable'],
      types: [],
      strict: true,
      skipLibCheck: true,
    };
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['program.ts'] }));
  }, 60_000);
  afterAll(() => rm(app, { recursive: true }));

  it('have types that a strict program can go by, and run as plain JavaScript', async () => {
    const checked = run(join(root, 'node_modules/.bin/tsc'), ['--project', app]);
    await expect(checked.catch((error: { stdout: string }) => error.stdout)).resolves.toMatchObject({
      stdout: '',
    });
    const { stdout } = await run(process.execPath, [join(app, 'program.js')]);
    expect(stdout).toBe('function true 1-2\n');
  }, 60_000);

  it('hold what was built and no source or test', async () => {
    const { stdout } = await run('tar', ['-tzf', join(app, 'switchyard-client-0.1.0.tgz')]);
    const files = stdout.trimEnd().split('\n');
    expect(files).toContain('package/dist/index.js');
    expect(
      files.filter((file) => !/^package\/(?:dist\/[a-z-]+\.(?:js|d\.ts)|package\.json|LICENSE)$/.test(file)),
    ).toEqual([]);
  });
});
