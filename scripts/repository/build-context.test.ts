import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** What `docker build` is sent of a folder: all files that .dockerignore does not deny. */
async function buildContext(folder: string): Promise<string[]> {
  const rules = dockerignore
    .default({ ignorecase: false })
    .add(await readFile(join(root, '.dockerignore'), 'utf8'));
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return rules
    .filter(
      entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name))),
    )
    .toSorted();
}

const planted = [
  '.env',
  '.env.production',
  'apps/gateway/.env',
  'apps/worker/src/.env.local',
  'packages/store/server.key',
  'packages/store/src/deep/id.pem',
  '.data/dev.json',
  '.cache/tools/package.json',
  'apps/gateway/.data/secret.json',
  'notes.txt',
  '.git/config',
  'apps/gateway/node_modules/x/index.js',
  'apps/standalone/src/main.ts',
  'packages/stand-ins/src/index.ts',
  'packages/store/test/fixture.ts',
];
const wanted = [
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'turbo.json',
  'apps/gateway/package.json',
  'apps/gateway/src/main.ts',
  'packages/store/migrations/1.sql',
  'tooling/package.json',
];

describe('the build context of the images', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'build-context-'));
    for (const path of [...planted, ...wanted]) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), 'x');
    }
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('leaves secrets, tests and local state behind and takes what an image is built from', async () => {
    expect(await buildContext(folder)).toEqual(wanted.toSorted());
  });

  it('holds nothing secret-like in this very repository', async () => {
    const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0');
    const rules = dockerignore
      .default({ ignorecase: false })
      .add(await readFile(join(root, '.dockerignore'), 'utf8'));
    const context = rules.filter(tracked.filter(Boolean));
    expect(context).toContain('apps/gateway/package.json');
    const secretPattern =
      /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bsk-[A-Za-z0-9]{20,}|\bsy_[A-Za-z0-9]{32,}|\beyJ[\w-]{20,}\.[\w-]{20,}\./;
    for (const path of context) {
      expect(path).not.toMatch(/(^|\/)\.env|\.pem$|\.key$|id_rsa|credentials/);
      expect(await readFile(join(root, path), 'utf8'), path).not.toMatch(secretPattern);
    }
  });

  it('is built into images that name no environment and no secret', async () => {
    const dockerfile = await readFile(join(root, 'docker/app.Dockerfile'), 'utf8');
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/--frozen-lockfile/);
    expect(dockerfile).not.toMatch(/^(ENV|ARG) .*(SECRET|KEY|TOKEN|PASSWORD|ENVIRONMENT|DATABASE_URL)/m);
  });
});
