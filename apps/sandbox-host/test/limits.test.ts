import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, chown, link, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { defaultLimits, type SandboxLimits } from '../src/limits.ts';
import { measureFolder } from '../src/measure-folder.ts';
import { bwrap, runIn, startTestHost, temporaryFolder, type TestHost } from './test-host.ts';

const mebibyte = 1024 * 1024;
const signal = new AbortController().signal;
const isRoot = process.getuid?.() === 0;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function newHost(limits: Partial<SandboxLimits>, minFreeDiskBytes = 0): Promise<TestHost> {
  const folder = await temporaryFolder();
  cleanups.push(folder.remove);
  const host = await startTestHost(folder.path, {
    limits: { ...defaultLimits(), ...limits },
    minFreeDiskBytes,
  });
  cleanups.push(host.close);
  return host;
}

const counting = { bwrapPath: null, maxFiles: 1_000 };

/** Holds that much memory, written to, until it is killed. */
const hold = (megabytes: number): string => `perl -e 'my $x = "a" x (${megabytes} * 1048576); sleep 600'`;
const writeFiles = 'for n in $(seq 1 40); do head -c 4M /dev/zero > file-$n || exit; done';

describe('a sandbox that uses too much memory', () => {
  test('loses the process that has the most of it, and goes on', async () => {
    const { open } = await newHost({ memoryBytes: 320 * mebibyte });
    const sandbox = await open(randomUUID());
    const command = `${hold(60)} & small=$!; ${hold(140)} & large=$!; ${hold(100)} & wait $large; echo "large $?"; kill -0 $small && echo small lives; kill %%`;
    const output = await runIn(sandbox, command);
    expect(output).toContain('large 137');
    expect(output).toContain('small lives');
    expect((await sandbox.run({ command: 'echo up', timeoutMs: 20_000, signal })).output).toBe('up\n');
  });

  test('is told apart from one whose processes share their memory', async () => {
    const { open } = await newHost({ memoryBytes: 320 * mebibyte });
    const sandbox = await open(randomUUID());
    const shared =
      'perl -e \'my $x = "a" x (120 * 1048576); my @kids = map { my $p = fork; if (!$p) { sleep 4; exit 0 } $p } 1 .. 4; for (@kids) { waitpid $_, 0; print "child $?\\n" }\'';
    expect(await runIn(sandbox, shared)).toBe('child 0\n'.repeat(4));
  });
});

describe('a sandbox whose workspace grows too large', () => {
  test('is stopped each time that it grows, and in the end not entered any more', async () => {
    const { host, open } = await newHost({ diskBytes: 40 * mebibyte });
    const projectId = randomUUID();
    const growOn = async (): Promise<string> => {
      try {
        const sandbox = await open(projectId);
        await sandbox.run({ command: `mkdir $$; cd $$; ${writeFiles}; sleep 60`, timeoutMs: 60_000, signal });
        return 'nobody stopped it';
      } catch (error) {
        return (error as { detail?: string }).detail ?? String(error);
      }
    };
    expect(await growOn()).toBe('The sandbox has stopped.');
    const { record } = host.registry.find(`switchyard-${projectId}`);
    expect(() => host.registry.enter(record.id)).toThrow('its workspace is too large');
    await expect.poll(growOn, { timeout: 55_000 }).toContain('Delete the project');
  });

  test('is stopped, may be entered to clear up, and then goes on', async () => {
    const { host, open } = await newHost({ diskBytes: 100 * mebibyte });
    const projectId = randomUUID();
    const sandbox = await open(projectId);
    const writing = sandbox.run({ command: `${writeFiles}; sleep 60`, timeoutMs: 60_000, signal });
    await expect(writing).rejects.toMatchObject({ code: 'sandbox_failed' });
    const again = await open(projectId);
    // Longer than the host needs for a look at it.
    await runIn(again, 'sleep 5; rm file-*');
    await runIn(again, 'sleep 5; echo still there > note');
    expect(host.registry.find(sandbox.id).state).toBe('started');
    expect(again.incarnation).not.toBe(sandbox.incarnation);
  });

  test('is not helped by files that have no name any more', async () => {
    const { open } = await newHost({ diskBytes: 40 * mebibyte });
    const sandbox = await open(randomUUID());
    const hidden =
      'perl -e \'for my $n (1 .. 20) { open my $f, ">", "hidden" or die; unlink "hidden"; print $f "a" x 4194304; push @all, $f } sleep 60\'';
    const writing = sandbox.run({ command: hidden, timeoutMs: 60_000, signal });
    await expect(writing).rejects.toMatchObject({ code: 'sandbox_failed' });
  });

  test('is stopped for the number of its files too', async () => {
    const { open } = await newHost({ files: 500 });
    const sandbox = await open(randomUUID());
    const writing = sandbox.run({
      command: 'for n in $(seq 1 700); do : > $n; done; sleep 60',
      timeoutMs: 60_000,
      signal,
    });
    await expect(writing).rejects.toMatchObject({ code: 'sandbox_failed' });
  });
});

test('a machine whose disk is full starts no sandbox, and says so', async () => {
  const { open } = await newHost({}, Number.MAX_SAFE_INTEGER);
  await expect(open(randomUUID())).rejects.toMatchObject({
    code: 'sandbox_unavailable',
    detail: expect.stringContaining('disk') as string,
  });
});

describe('the size of a folder', () => {
  async function newFolder(): Promise<string> {
    const folder = await temporaryFolder();
    cleanups.push(folder.remove);
    await chmod(folder.path, 0o755);
    return folder.path;
  }

  test('is what is on the disk: links once, holes not at all', async () => {
    const folder = await newFolder();
    await writeFile(path.join(folder, 'file'), Buffer.alloc(mebibyte, 'x'));
    await link(path.join(folder, 'file'), path.join(folder, 'same'));
    await promisify(execFile)('truncate', ['--size=1G', path.join(folder, 'hole')]);
    const use = await measureFolder(folder, counting);
    expect(use?.files).toBe(4);
    expect(use?.bytes).toBeGreaterThanOrEqual(mebibyte);
    expect(use?.bytes).toBeLessThan(1.2 * mebibyte);
  });

  test('is counted no further than asked', async () => {
    const folder = await newFolder();
    for (let n = 0; n < 20; n++) await writeFile(path.join(folder, `file-${n}`), '');
    const use = await measureFolder(folder, { ...counting, maxFiles: 5 });
    expect(use?.files).toBeGreaterThan(5);
  });

  test('is not known of a folder that is not there', async () => {
    expect(await measureFolder('/nowhere/at/all', counting)).toBeNull();
  });

  // Root may enter every folder as it is.
  test.runIf(isRoot)('is seen by a user without privileges also in folders that are closed', async () => {
    const folder = await newFolder();
    const closed = path.join(folder, 'closed');
    await mkdir(closed);
    await writeFile(path.join(closed, 'file'), Buffer.alloc(2 * mebibyte, 'x'));
    for (const name of [folder, closed]) await chown(name, 12_345, 12_345);
    await chmod(closed, 0);
    const module = path.resolve(import.meta.dirname, '../src/measure-folder.ts');
    // It reads the module before it gives its privileges up: the repository may stand where others cannot go.
    const script = `import { measureFolder } from ${JSON.stringify(module)};
process.setgroups([]); process.setgid(12345); process.setuid(12345);
const use = await measureFolder(${JSON.stringify(folder)}, { bwrapPath: process.argv[1], maxFiles: 1000 });
process.stdout.write(JSON.stringify(use));`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '--eval',
      script,
      await bwrap,
    ]);
    expect((await stat(closed)).mode & 0o777).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ files: 3 });
    expect((JSON.parse(stdout) as { bytes: number }).bytes).toBeGreaterThan(2 * mebibyte);
  });
});
