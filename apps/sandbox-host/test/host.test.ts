import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createSandboxes } from '@switchyard/sandbox';
import { afterEach, describe, expect, test } from 'vitest';
import { identifyProcess } from '../src/process-identity.ts';
import { routes } from '../src/routes.ts';
import { apiKey, bwrap, runIn, startTestHost, temporaryFolder, type TestHost } from './test-host.ts';

const signal = new AbortController().signal;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function newFolder(prefix?: string): Promise<string> {
  const folder = await temporaryFolder(prefix);
  cleanups.push(folder.remove);
  return folder.path;
}

async function newHost(dataDir: string, options?: Parameters<typeof startTestHost>[1]): Promise<TestHost> {
  const host = await startTestHost(dataDir, options);
  cleanups.push(host.close);
  return host;
}

/** Processes of this machine, by what stands in their arguments or environment: nothing of a sandbox may be left. */
function livingPids(host: TestHost): number[] {
  return host.host.registry.running().map(({ namespace }) => namespace.identity.pid);
}

/** The shells that descend from a process, idle ones as well. */
function shellsBelow(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return children.map(Number).flatMap((child) => {
    const isShell = /^(ba|da)?sh$/m.test(readFileSync(`/proc/${child}/comm`, 'utf8'));
    return isShell ? [child] : shellsBelow(child);
  });
}

const isRoot = process.getuid?.() === 0;
const bwrapPath = await bwrap;

/** Whether every folder on the way may be entered by everybody. */
function canBeReached(file: string): boolean {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === path.dirname(folder)) return true;
  }
}

/** The app as a clone would hold it, its packages linked; gives its main file. */
async function copyApp(home: string): Promise<string> {
  const root = path.resolve(import.meta.dirname, '../../..');
  const app = path.join(home, 'apps/sandbox-host');
  await mkdir(app, { recursive: true });
  await cp(path.join(root, 'apps/sandbox-host/src'), path.join(app, 'src'), { recursive: true });
  await cp(path.join(root, 'apps/sandbox-host/package.json'), path.join(app, 'package.json'));
  await symlink(path.join(root, 'apps/sandbox-host/node_modules'), path.join(app, 'node_modules'));
  return path.join(app, 'src/main.ts');
}

/** Starts a host process, works in a sandbox, stops the host; gives the pid that the sandbox had. */
async function startAndStop(command: {
  readonly file: string;
  readonly arguments: readonly string[];
  readonly dataDir: string;
}): Promise<number> {
  const child = spawn(command.file, command.arguments, {
    env: {
      DATA_DIR: command.dataDir,
      DAYTONA_API_KEY: apiKey,
      PATH: process.env['PATH'],
      BWRAP_PATH: bwrapPath,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Whatever fails below, the process does not stay.
  cleanups.push(async () => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const { url } = JSON.parse(line.split('\n')[0] ?? '') as { url?: string };
  if (url === undefined) throw new Error(`The host does not say that it is ready: ${line}`);
  const sandboxes = createSandboxes({ apiUrl: url, apiKey });
  const sandbox = await sandboxes.open({ projectId: randomUUID(), sandboxId: null, signal });
  expect(await runIn(sandbox, 'sleep 600 & echo x > file; cat file; id -u')).toContain('1000');
  await sandbox.writeFile({ path: 'large', bytes: Buffer.alloc(200_000), signal });
  expect(await sandbox.stat('large', { signal })).toMatchObject({ size: 200_000 });
  const identity = path.join(command.dataDir, 'sandboxes', sandbox.id, 'namespace.json');
  const { pid } = JSON.parse(await readFile(identity, 'utf8')) as { pid: number };
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await sandboxes.close();
  return pid;
}

describe('a host', () => {
  test('refuses every route without its key, or with another', async () => {
    const { host } = await newHost(await newFolder());
    for (const { method, path } of routes) {
      const url = host.url + path.replace(':id', randomUUID());
      const bare = await fetch(url, { method });
      expect(bare.status).toBe(401);
      const wrong = await fetch(url, { method, headers: { authorization: `Bearer ${apiKey}x` } });
      expect(wrong.status).toBe(401);
    }
    const wrongKey = createSandboxes({ apiUrl: host.url, apiKey: 'another-key-0123456789' });
    const refused = wrongKey.open({ projectId: randomUUID(), sandboxId: null, signal });
    await expect(refused).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    await wrongKey.close();
  });

  test('has no other routes', async () => {
    const { host } = await newHost(await newFolder());
    const headers = { authorization: `Bearer ${apiKey}` };
    for (const [method, path] of [
      ['GET', '/sandbox'],
      ['DELETE', `/sandbox/${randomUUID()}`],
      ['GET', `/toolbox/${randomUUID()}/files`],
      ['GET', '/'],
    ] as const) {
      expect((await fetch(host.url + path, { method, headers })).status).toBe(404);
    }
    const malformed = await fetch(`${host.url}/sandbox`, { method: 'POST', headers, body: '{' });
    expect(malformed.status).toBe(400);
  });

  test('gives one project one sandbox, also to two who ask at once', async () => {
    const { host, open } = await newHost(await newFolder());
    const projectId = randomUUID();
    const other = createSandboxes({ apiUrl: host.url, apiKey });
    cleanups.push(() => other.close());
    const [first, second] = await Promise.all([
      open(projectId),
      other.open({ projectId, sandboxId: null, signal }),
    ]);
    expect(second.id).toBe(first.id);
    expect(second.incarnation).toBe(first.incarnation);
    expect(host.registry.running()).toHaveLength(1);
  });

  test('keeps two projects apart', async () => {
    const { open } = await newHost(await newFolder());
    const [first, second] = await Promise.all([open(randomUUID()), open(randomUUID())]);
    expect(second.id).not.toBe(first.id);
    await runIn(first, 'echo secret > mine; echo secret > /tmp/mine; sleep 300 & true');
    expect(
      await runIn(second, 'ls -A /workspace /tmp; ps ax 2>/dev/null | grep -c "[s]leep 300"'),
    ).not.toContain('mine');
    expect(await runIn(second, 'cat /proc/[0-9]*/cmdline | tr "\\0" " " | grep -c "sleep [3]00"')).toBe(
      '0\n',
    );
  });

  test('starts a stopped sandbox again, with its workspace and a new incarnation', async () => {
    const { host, open } = await newHost(await newFolder());
    const projectId = randomUUID();
    const before = await open(projectId);
    await runIn(before, 'echo kept > file; echo gone > /tmp/file');
    const claim = { callId: 'call', incarnation: before.incarnation };
    await before.run({ command: 'true', timeoutMs: 5_000, signal, claim });
    await host.registry.stop(before.id);
    const stopped = before.run({ command: 'true', timeoutMs: 5_000, signal });
    await expect(stopped).rejects.toMatchObject({ code: 'sandbox_failed' });
    const after = await open(projectId);
    expect(after.id).toBe(before.id);
    expect(after.incarnation).not.toBe(before.incarnation);
    expect(await runIn(after, 'cat file; ls /tmp/file 2>/dev/null')).toBe('kept\n');
    expect(await after.inspectCall('call', claim.incarnation, { signal })).toEqual({ state: 'unknown' });
    const late = after.run({ command: 'touch late', timeoutMs: 5_000, signal, claim });
    await expect(late).rejects.toMatchObject({ name: 'ClaimTakenError', because: 'incarnation' });
  });

  test('stops what nobody has used for the time that was asked for, and nothing else', async () => {
    const { host, open } = await newHost(await newFolder());
    const sandbox = await open(randomUUID());
    await host.registry.stopIdle();
    expect(host.registry.running()).toHaveLength(1);
    const idle = await host.registry.create({ name: 'idle', labels: {}, autoStopMinutes: 0.0001 });
    await expect
      .poll(async () => {
        await host.registry.stopIdle();
        return host.registry.find(idle.record.id).state;
      })
      .toBe('stopped');
    expect(host.registry.find(sandbox.id).state).toBe('started');
  });

  test('notices a sandbox that ended by itself, and starts it again', async () => {
    const dataDir = await newFolder();
    const { host, open } = await newHost(dataDir);
    const projectId = randomUUID();
    const sandbox = await open(projectId);
    const proxy = path.join(dataDir, 'sandboxes', sandbox.id, 'egress', 'proxy.sock');
    expect(existsSync(proxy)).toBe(true);
    const end = sandbox.run({ command: 'kill -9 2; sleep 5', timeoutMs: 20_000, signal });
    await expect(end).rejects.toMatchObject({ code: 'sandbox_failed' });
    await expect.poll(() => host.registry.find(sandbox.id).state).toBe('stopped');
    // Its way out is closed with it.
    await expect.poll(() => existsSync(proxy)).toBe(false);
    const again = await open(projectId);
    expect(again.incarnation).not.toBe(sandbox.incarnation);
    expect(await runIn(again, 'echo up')).toBe('up\n');
  });

  test('lets nothing run that a later host could not find', async () => {
    const dataDir = await newFolder();
    const { host, open } = await newHost(dataDir);
    const { id } = await open(randomUUID());
    await host.registry.stop(id);
    const folder = path.join(dataDir, 'sandboxes', id);
    // In the place of the file that names its process.
    await mkdir(path.join(folder, 'namespace.json.new'));
    await expect(host.registry.start(id)).rejects.toThrow('EISDIR');
    const info = await readFile(path.join(folder, 'bwrap.json'), 'utf8');
    const pid = Number(/"child-pid":\s*(\d+)/.exec(info)?.[1]);
    expect(pid).toBeGreaterThan(1);
    expect(identifyProcess(pid)).toBeNull();
    expect(host.registry.find(id).state).toBe('stopped');
    expect(existsSync(path.join(folder, 'egress', 'proxy.sock'))).toBe(false);
  });

  test('keeps a shell ready for the next command, and does without when that one is killed', async () => {
    const host = await newHost(await newFolder());
    const sandbox = await host.open(randomUUID());
    const readyShells = () => shellsBelow(livingPids(host)[0] ?? 0);
    await expect.poll(readyShells, { timeout: 10_000 }).toHaveLength(1);
    const [killed = 0] = readyShells();
    process.kill(killed, 'SIGKILL');
    const folder = async () => await runIn(sandbox, 'pwd; cd /tmp; export CHANGED=yes').catch(String);
    await expect.poll(folder, { timeout: 10_000 }).toBe('/workspace\n');
    expect(await runIn(sandbox, 'pwd; echo "[$CHANGED]"')).toBe('/workspace\n[]\n');
    await expect.poll(readyShells, { timeout: 10_000 }).toHaveLength(1);
    expect(readyShells()).not.toContain(killed);
  });

  test('is not led astray by a socket that the sandbox replaces', async () => {
    const dataDir = await newFolder();
    const first = await startTestHost(dataDir);
    const projectId = randomUUID();
    const sandbox = await first.open(projectId);
    const swap =
      'mv /run/switchyard/init.sock /run/switchyard/old && ln -s /tmp/elsewhere.sock /run/switchyard/init.sock';
    await runIn(sandbox, swap);
    expect(await runIn(sandbox, 'echo still here')).toBe('still here\n');
    await first.sandboxes.close();
    await first.host.abandon();
    // A later host finds a link where the socket should be, refuses to follow it, and starts the sandbox anew.
    const second = await newHost(dataDir);
    expect(second.host.registry.find(sandbox.id).state).toBe('stopped');
    const again = await second.open(projectId);
    expect(again.incarnation).not.toBe(sandbox.incarnation);
    expect(await runIn(again, 'echo up')).toBe('up\n');
  });
});

describe('sandboxes and host processes', () => {
  test('go on while the host is replaced: same incarnation, running command, claims', async () => {
    const dataDir = await newFolder();
    const first = await startTestHost(dataDir);
    const projectId = randomUUID();
    const before = await first.open(projectId);
    const claim = { callId: 'long', incarnation: before.incarnation };
    const { promise: started, resolve } = Promise.withResolvers<void>();
    const controller = new AbortController();
    const running = before.run({
      command: 'echo up; while [ ! -e go ]; do sleep 0.05; done; echo done',
      timeoutMs: 600_000,
      signal: controller.signal,
      isKilledBy: () => false,
      onOutput: () => resolve(),
      claim,
    });
    await started;
    controller.abort('the worker died');
    await expect(running).rejects.toBe('the worker died');
    await first.sandboxes.close();
    await first.host.abandon();

    const second = await newHost(dataDir);
    const after = await second.open(projectId);
    expect(after.incarnation).toBe(before.incarnation);
    await runIn(after, 'touch go');
    const attached = await after.attachCall({ ...claim, timeoutMs: 20_000, signal });
    expect(attached).toMatchObject({ exitCode: 0, output: 'up\ndone\n' });
  });

  test('end together when the host closes; the workspace is there for the next', async () => {
    const dataDir = await newFolder();
    const first = await startTestHost(dataDir);
    const projectId = randomUUID();
    const sandbox = await first.open(projectId);
    await runIn(sandbox, 'echo kept > file; sleep 600 & true');
    const pids = livingPids(first);
    expect(pids).toHaveLength(1);
    await first.close();
    await expect.poll(() => pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    const second = await newHost(dataDir);
    expect(await runIn(await second.open(projectId), 'cat file')).toBe('kept\n');
  });
});

describe('where it stands', () => {
  test('may be a path with spaces, below a folder that others cannot enter', async () => {
    const home = await newFolder();
    const dataDir = path.join(home, 'a 0700 home', "it's my data");
    await mkdir(dataDir, { recursive: true });
    await chmod(path.join(home, 'a 0700 home'), 0o700);
    await chmod(home, 0o700);
    const { open } = await newHost(dataDir);
    const sandbox = await open(randomUUID());
    expect(await runIn(sandbox, 'echo x > file && cat file && node -p 1')).toBe('x\n1\n');
  });

  test('as a process, takes the sandboxes along on SIGTERM, from a copy in such a folder', async () => {
    const home = await newFolder('switchyard home with spaces ');
    await chmod(home, 0o700);
    const main = await copyApp(home);
    const pid = await startAndStop({
      file: process.execPath,
      arguments: [main],
      dataDir: path.join(home, 'data'),
    });
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  });

  // The copy, this Node and bubblewrap must be within the reach of others; below a 0700 home they are not.
  test.runIf(isRoot && [process.execPath, bwrapPath].every(canBeReached))(
    'works for a user that is not root',
    async () => {
      const home = await newFolder();
      await chmod(home, 0o755);
      const main = await copyApp(home);
      const dataDir = path.join(home, 'data');
      await mkdir(dataDir);
      await chown(dataDir, 12_345, 12_345);
      const user = ['--reuid', '12345', '--regid', '12345', '--clear-groups', process.execPath, main];
      const pid = await startAndStop({ file: 'setpriv', arguments: user, dataDir });
      await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    },
  );
});

test('an older bubblewrap, without the options that came late, does', async () => {
  const folder = await newFolder();
  const old = path.join(folder, 'bwrap');
  await writeFile(old, `#!/bin/sh\n[ "$1" = --help ] && { echo --tmpfs; exit; }\nexec '${bwrapPath}' "$@"\n`);
  await chmod(old, 0o755);
  const { open } = await newHost(path.join(folder, 'data'), { bwrapPath: old });
  expect(await runIn(await open(randomUUID()), 'echo up')).toBe('up\n');
});

describe('a machine with programs', () => {
  test.runIf(existsSync('/etc/fonts/fonts.conf'))(
    'shows those parts of them that stand in /etc, for nobody to change',
    async () => {
      const { open } = await newHost(await newFolder());
      const sandbox = await open(randomUUID());
      const command =
        'wc -c < /etc/fonts/fonts.conf; touch /etc/fonts/x 2> /dev/null || echo fixed; ls -d /etc/apt /etc/ssh';
      expect(await runIn(sandbox, command)).toMatch(/^[1-9]\d+\nfixed\nls: /);
    },
  );
});

describe('a machine that cannot', () => {
  test.each([
    ['has no bubblewrap', { bwrapPath: null }, /Install it/],
    ['is no Linux', { platform: 'darwin' }, /Linux/],
    ['has a bubblewrap that fails', { bwrapPath: '/bin/false' }, /\./],
  ])('starts the host all the same, and says why: %s', async (_name, options, advice) => {
    const { open, host } = await newHost(await newFolder(), options);
    expect(host.url).toMatch(/^http/);
    await expect(open(randomUUID())).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      detail: expect.stringMatching(advice) as string,
    });
  });
});
