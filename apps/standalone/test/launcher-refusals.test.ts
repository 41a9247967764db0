import { createServer } from 'node:net';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { launch, type Launcher, makeDataDir, processesOf, startMs, stillRunning } from './launcher.ts';

/** What a person reads: everything but the lines of finished steps. */
async function refusalOf(launcher: Launcher): Promise<string> {
  expect(await launcher.exited).toBe(1);
  return launcher
    .output()
    .split('\n')
    .filter((line) => line !== '' && !/ \d+\.\d s$/.test(line))
    .join('\n');
}

test(
  'a second start from the same data directory says so in one line and leaves the first alone',
  async () => {
    const first = launch({ dataDir: await makeDataDir() });
    await first.untilReady();
    const refusal = await refusalOf(launch({ dataDir: first.dataDir }));
    expect(refusal).toMatch(/^Switchyard runs from .* already \(process \d+\).*$/);
    expect(refusal).toContain(String(first.process.pid));
    expect(first.process.exitCode).toBeNull();
  },
  startMs * 2,
);

test('a port in use is one line that says what to do, and nothing is left running', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const launcher = launch({ dataDir: await makeDataDir(), parameters: ['--port', String(port)] });
  expect(await refusalOf(launcher)).toBe(
    `Port ${port} is in use: stop the program that has it, or choose another: PORT=${port + 1} npm start`,
  );
  expect(stillRunning(processesOf(launcher))).toEqual([]);
});

test('a named service that nobody runs is one line, and what had started is stopped', async () => {
  const environment = { REDIS_URL: 'redis://:hidden@127.0.0.1:1' };
  const launcher = launch({ dataDir: await makeDataDir(), environment });
  const refusal = await refusalOf(launcher);
  expect(refusal).toMatch(/^REDIS_URL names 127\.0\.0\.1:1, where nobody answers.*$/);
  expect(refusal).not.toContain('hidden');
  await expect.poll(() => stillRunning(processesOf(launcher)), { timeout: 10_000 }).toEqual([]);
});

test('parameters and variables that make no sense are told by name', async () => {
  const dataDir = await makeDataDir();
  expect(await refusalOf(launch({ dataDir, parameters: ['--prot', '1'] }))).toContain("'--prot'");
  const environment = { OPENAI_BASE_URL: 'hidden', SUPABASE_URL: 'hidden' };
  const refusal = await refusalOf(launch({ dataDir, environment }));
  expect(refusal).toContain('OPENAI_BASE_URL');
  expect(refusal).toContain('SUPABASE_URL');
  expect(refusal).not.toContain('hidden');
});

test('a default model that nobody here has is told with those that there are', async () => {
  const launcher = launch({ dataDir: await makeDataDir(), environment: { MODEL: 'gpt-4o-mini' } });
  const refusal = await refusalOf(launcher);
  expect(refusal).toMatch(/MODEL: is none of the models that are connected here: scripted:demo$/);
  expect(refusal).not.toContain('    at ');
  await expect.poll(() => stillRunning(processesOf(launcher)), { timeout: 10_000 }).toEqual([]);
});

test(
  'a data directory of another Postgres version is one line that says what to do',
  async () => {
    const dataDir = await makeDataDir();
    const first = launch({ dataDir });
    await first.untilReady();
    first.process.kill('SIGTERM');
    await first.exited;
    await writeFile(path.join(dataDir, 'postgres', 'PG_VERSION'), '14\n');
    const refusal = await refusalOf(launch({ dataDir }));
    expect(refusal).toContain('14');
    expect(refusal.split('\n')).toHaveLength(1);
  },
  startMs * 2,
);
