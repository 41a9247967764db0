import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createClient } from '@switchyard/client';
import { describe, expect, test, vi } from 'vitest';
import { launch, makeDataDir, processesOf, requireDevFile, startMs, stillRunning } from './launcher.ts';

const run = promisify(execFile);

/** Asks the scripted model through the whole system and waits for the end. */
async function completeRun({ gatewayUrl, apiKey }: { gatewayUrl: string; apiKey: string }) {
  const client = createClient({ url: gatewayUrl, token: apiKey });
  const started = await client.startRun({ input: 'Write the word hello to hello.txt.' });
  for await (const event of client.followRun(started.run.id)) void event;
  return (await client.getRun(started.run.id)).run;
}

describe('a start from nothing', () => {
  test(
    'ends with a curl line that works as it is printed, and with a private dev.json',
    async () => {
      const launcher = launch({ dataDir: await makeDataDir() });
      await launcher.untilReady();
      const devFile = await requireDevFile(launcher.dataDir);
      expect((await stat(path.join(launcher.dataDir, 'dev.json'))).mode & 0o777).toBe(0o600);
      expect((await stat(launcher.dataDir)).mode & 0o077).toBe(0);
      expect(launcher.output()).toContain('scripted demo');

      const line = /^ *(curl .*)$/m.exec(launcher.output())?.[1] ?? '';
      const { stdout } = await run('sh', ['-c', line], { timeout: 60_000 });
      expect(stdout).toContain('"type":"start"');
      expect(stdout).toContain('"type":"finish"');
      expect(stdout.trimEnd().endsWith('data: [DONE]')).toBe(true);

      const { email, password, publishableKey, supabaseUrl } = devFile;
      const signedIn = await fetch(`${supabaseUrl}/auth/v1/token?grant_type=password`, {
        method: 'POST',
        headers: { apikey: publishableKey ?? '', 'content-type': 'application/json' },
        body: JSON.stringify({ email, password }),
      });
      const { access_token: token } = (await signedIn.json()) as { access_token: string };
      const listed = await fetch(`${devFile.gatewayUrl}/v1/threads`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(listed.status).toBe(200);
      const { threads } = (await listed.json()) as { threads: unknown[] };
      expect(threads).toHaveLength(1);
    },
    startMs * 2,
  );
});

describe('a process that is killed', () => {
  test(
    'is started again, whichever it is, and dev.json gets its new pid',
    async () => {
      const launcher = launch({ dataDir: await makeDataDir() });
      await launcher.untilReady();
      const before = await requireDevFile(launcher.dataDir);
      for (const name of ['gateway', 'worker', 'sandboxHost', 'redis', 'postgres'] as const) {
        const pid = before.pids[name];
        if (pid === null) throw new Error(`${name} has no pid.`);
        process.kill(pid, 'SIGKILL');
        const current = await vi.waitUntil(
          async () => {
            const { pids } = await requireDevFile(launcher.dataDir);
            return pids[name] !== pid && pids[name] !== null ? pids[name] : null;
          },
          { timeout: 20_000, interval: 20 },
        );
        expect(() => process.kill(current, 0)).not.toThrow();
      }
      const after = await requireDevFile(launcher.dataDir);
      expect({ ...after, pids: null }).toEqual({ ...before, pids: null });
      await vi.waitFor(async () => expect((await completeRun(after)).status).toBe('completed'), {
        timeout: 60_000,
        interval: 500,
      });
    },
    startMs * 2,
  );
});

describe('the end of the launcher', () => {
  test.each([
    ['SIGTERM', 'after a run', completeRun],
    ['SIGINT', 'at once', () => Promise.resolve()],
    ['SIGHUP', 'at once', () => Promise.resolve()],
  ] as const)(
    '%s %s stops everything in order and leaves nothing running',
    async (signal, _when, use) => {
      const launcher = launch({ dataDir: await makeDataDir() });
      await launcher.untilReady();
      await use(await requireDevFile(launcher.dataDir));
      const processes = processesOf(launcher);
      expect(processes.length).toBeGreaterThan(5);
      launcher.process.kill(signal);
      launcher.process.kill(signal);
      expect(await launcher.exited).toBe(0);
      await expect.poll(() => stillRunning(processes), { timeout: 5000 }).toEqual([]);
      await expect(requireDevFile(launcher.dataDir)).rejects.toThrow('no dev.json');
    },
    startMs * 2,
  );

  test(
    'by kill -9 leaves nothing running, and the next start has all data and the same key',
    async () => {
      const dataDir = await makeDataDir();
      const first = launch({ dataDir });
      await first.untilReady();
      const before = await requireDevFile(dataDir);
      const ended = await completeRun(before);
      const processes = processesOf(first);
      first.process.kill('SIGKILL');
      // At once: the new launcher waits for what the killed one has left.
      const second = launch({ dataDir });
      await expect.poll(() => stillRunning(processes), { timeout: 20_000 }).toEqual([]);
      await second.untilReady();
      const after = await requireDevFile(dataDir);
      expect(after.apiKey).toBe(before.apiKey);
      const client = createClient({ url: after.gatewayUrl, token: after.apiKey });
      expect((await client.getRun(ended.id)).run).toEqual(ended);
      expect((await completeRun(after)).status).toBe('completed');
    },
    startMs * 2,
  );

  test(
    'follows the end of its parent: npm that is killed leaves nothing running',
    async () => {
      const launcher = launch({
        dataDir: await makeDataDir(),
        through: ['sh', '-c', '"$@"; true', 'parent'],
      });
      await launcher.untilReady();
      const processes = processesOf(launcher);
      launcher.process.kill('SIGKILL');
      await expect.poll(() => stillRunning(processes), { timeout: 30_000 }).toEqual([]);
    },
    startMs * 2,
  );
});
