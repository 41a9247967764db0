import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { apiKey, runIn, startTestHost, temporaryFolder, type TestHost } from './test-host.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function newFolder(): Promise<string> {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  return folder.path;
}

async function newHost(dataDir: string): Promise<TestHost> {
  const host = await startTestHost(dataDir);
  cleanups.push(host.close);
  return host;
}

async function ask({ host }: TestHost, method: string, route: string) {
  const headers = { authorization: `Bearer ${apiKey}` };
  const response = await fetch(host.url + route, { method, headers });
  return { status: response.status, body: (await response.json()) as { state?: string } };
}

/** Goes down further than a path can say. */
const dig =
  'for (let i = 0; i < 20; i++) { require("fs").mkdirSync("d".repeat(250)); process.chdir("d".repeat(250)); }';

describe('a sandbox', () => {
  test('is stopped when that is asked for, and keeps its workspace', async () => {
    const host = await newHost(await newFolder());
    const projectId = randomUUID();
    const sandbox = await host.open(projectId);
    await runIn(sandbox, 'echo kept > file');
    const stopped = await ask(host, 'POST', `/sandbox/${sandbox.id}/stop`);
    expect(stopped).toMatchObject({ status: 200, body: { state: 'stopped' } });
    expect(await ask(host, 'POST', `/sandbox/${sandbox.id}/stop`)).toMatchObject({ status: 200 });
    expect(host.host.registry.running()).toEqual([]);
    expect(await runIn(await host.open(projectId), 'cat file')).toBe('kept\n');
  });

  test('is removed with its processes and its workspace, and leaves its name free', async () => {
    const dataDir = await newFolder();
    const host = await newHost(dataDir);
    const projectId = randomUUID();
    const sandbox = await host.open(projectId);
    await runIn(
      sandbox,
      'mkdir -p closed/in; echo x > closed/in/file; chmod 0 closed/in closed; sleep 300 &',
    );
    const pids = host.host.registry.running().map(({ namespace }) => namespace.identity.pid);
    const outside = path.join(dataDir, 'outside');
    await writeFile(outside, 'x');
    await symlink(dataDir, path.join(dataDir, 'sandboxes', sandbox.id, 'workspace', 'link'));
    const removed = await ask(host, 'DELETE', `/sandbox/${sandbox.id}`);
    expect(removed).toMatchObject({ status: 200, body: { state: 'destroyed' } });
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(await readdir(path.join(dataDir, 'sandboxes'))).toEqual([]);
    expect(existsSync(outside)).toBe(true);
    expect(await ask(host, 'GET', `/sandbox/${sandbox.id}`)).toMatchObject({ status: 404 });
    expect(await ask(host, 'DELETE', `/sandbox/${sandbox.id}`)).toMatchObject({ status: 404 });
    const next = await host.open(projectId);
    expect(next.id).not.toBe(sandbox.id);
    expect(await runIn(next, 'ls -A')).toBe('');
  });

  test('is removed however deep its folders are, links and all that they lead to left alone', async () => {
    const dataDir = await newFolder();
    const outside = path.join(dataDir, 'outside');
    await mkdir(outside);
    await writeFile(path.join(outside, 'file'), 'x');
    const host = await newHost(dataDir);
    const sandbox = await host.open(randomUUID());
    await runIn(
      sandbox,
      `node -e '${dig} require("fs").symlinkSync(${JSON.stringify(outside)}, "link"); require("fs").chmodSync(".", 0)'`,
    );
    expect(await ask(host, 'DELETE', `/sandbox/${sandbox.id}`)).toMatchObject({ status: 200 });
    expect(await readdir(path.join(dataDir, 'sandboxes'))).toEqual([]);
    expect(await readdir(outside)).toEqual(['file']);
  });

  test('is removed once by two who ask at once, and started by nobody who waits behind them', async () => {
    const host = await newHost(await newFolder());
    const { id } = await host.open(randomUUID());
    const answers = await Promise.all([
      ask(host, 'DELETE', `/sandbox/${id}`),
      ask(host, 'DELETE', `/sandbox/${id}`),
      ask(host, 'POST', `/sandbox/${id}/start`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 404]);
    expect(host.host.registry.running()).toEqual([]);
  });

  test('whose removal was cut short is removed by the next host', async () => {
    const dataDir = await newFolder();
    const first = await startTestHost(dataDir);
    const { id } = await first.open(randomUUID());
    await first.close();
    const folder = path.join(dataDir, 'sandboxes', id);
    await rename(folder, `${folder}.removed`);
    execFileSync(process.execPath, ['-e', dig], { cwd: `${folder}.removed` });
    const second = await newHost(dataDir);
    expect(await ask(second, 'GET', `/sandbox/${id}`)).toMatchObject({ status: 404 });
    expect(await readdir(path.join(dataDir, 'sandboxes'))).toEqual([]);
  });
});

test('what cannot be removed of one sandbox does not keep the others from being found', async () => {
  const folder = await newFolder();
  const id = randomUUID();
  const record = {
    id,
    name: id,
    labels: {},
    createdAt: new Date().toISOString(),
    autoStopMinutes: 0,
    userId: 1,
  };
  await mkdir(path.join(folder, id));
  await writeFile(path.join(folder, id, 'sandbox.json'), JSON.stringify(record));
  await mkdir(path.join(folder, 'left.removed'));
  await chmod(folder, 0o500);
  cleanups.push(() => chmod(folder, 0o700));
  const script = `
    import { createRecords } from ${JSON.stringify(path.join(import.meta.dirname, '../src/sandbox-record.ts'))};
    const said = [];
    const records = createRecords(${JSON.stringify(folder)}, { error: ({ folder: left }) => said.push(left) });
    console.log((await records.readAll()).map(({ id }) => id).join(), said.join());`;
  // Root without its rights: what is closed is closed to it too.
  const unprivileged = process.getuid?.() === 0 ? ['unshare', '--user'] : [];
  const [file, ...rest] = [...unprivileged, process.execPath, '--input-type=module', '-e', script];
  expect(execFileSync(file, rest, { encoding: 'utf8' })).toBe(`${id} left.removed\n`);
});

test('a folder that its owner closed to himself is removed by him, and what its links lead to stays', async () => {
  const folder = await newFolder();
  const [tree, outside] = [path.join(folder, 'tree'), path.join(folder, 'outside')];
  await mkdir(outside);
  await writeFile(path.join(outside, 'file'), 'x');
  await chmod(folder, 0o777);
  // Where this user may read it.
  for (const name of ['remove-tree.ts', 'launch-command.ts']) {
    await copyFile(path.join(import.meta.dirname, '../src', name), path.join(folder, name));
  }
  const script = `
    import { removeTree } from ${JSON.stringify(path.join(folder, 'remove-tree.ts'))};
    import { createRequire } from 'node:module';
    import { mkdirSync, symlinkSync, writeFileSync, chmodSync, existsSync } from 'node:fs';
    const tree = ${JSON.stringify(tree)};
    mkdirSync(tree + '/a/b', { recursive: true });
    writeFileSync(tree + '/a/b/file', 'x');
    symlinkSync(${JSON.stringify(outside)}, tree + '/a/link');
    const require = createRequire(tree);
    process.chdir(tree + '/a/b');
    ${dig}
    chmodSync('.', 0o000);
    process.chdir('/');
    chmodSync(tree + '/a/b', 0o000);
    chmodSync(tree + '/a', 0o500);
    await removeTree(tree);
    console.log(existsSync(tree));`;
  const isRoot = process.getuid?.() === 0;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
  });
  expect(output).toBe('false\n');
  expect(await readdir(outside)).toEqual(['file']);
});
