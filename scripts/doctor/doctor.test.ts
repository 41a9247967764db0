import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDisk, checkMemory, checkNode } from './check-machine.mjs';
import { checkKeys, checkModel, checkPort, checkServices } from './check-services.mjs';
import { checkWall } from './check-wall.mjs';
import { formatFinding } from './finding.mjs';
import { parseEnvFile, readSettings } from './read-settings.mjs';

const gibibyte = 1024 ** 3;
const secret = 'value-that-nobody-may-see';
const root = path.resolve(import.meta.dirname, '../..');
const server = createServer((socket) => socket.destroy());
let folder = '';
let port = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'switchyard-doctor-'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

/** Nothing but what a test names: no `.env` and no variable of who runs it. */
const settingsOf = (environment: NodeJS.ProcessEnv) => readSettings({ root: folder, environment });

describe('the machine', () => {
  test.each([
    [0.5, 'wrong'],
    [2, 'weak'],
    [8, 'fine'],
  ] as const)('with %s GB of free memory and of free disk is %s', (available, state) => {
    const space = { total: 16 * gibibyte, available: available * gibibyte };
    expect(checkMemory(space).state).toBe(state);
    expect(checkDisk('/', space).state).toBe(state);
  });

  test('is looked at as it is', () => {
    expect(checkMemory().text).toMatch(/^[\d.]+ GB free of [\d.]+ GB/);
    expect(checkDisk('/').text).toMatch(/^[\d.]+ GB free of [\d.]+ GB/);
  });

  test('may have a Node that does not fit, when another can be fetched', () => {
    const machine = { isMusl: false, toolsDirectory: folder };
    expect(checkNode({ ...machine, version: '24.1.0' }).state).toBe('fine');
    expect(checkNode({ ...machine, version: '18.20.0' }).state).toBe('weak');
    expect(checkNode({ ...machine, version: '18.20.0', isMusl: true })).toMatchObject({
      state: 'wrong',
      command: 'nvm install 26',
    });
  });
});

describe('services', () => {
  const check = (environment: NodeJS.ProcessEnv) =>
    checkServices({ settings: settingsOf(environment), cacheDirectory: folder });

  test('that are named are connected to, and only their address is shown', async () => {
    const findings = await check({
      DATABASE_URL: `postgres://user:${secret}@127.0.0.1:${port}/db`,
      REDIS_URL: `redis://:${secret}@127.0.0.1:1`,
      SUPABASE_URL: secret,
      SUPABASE_SECRET_KEY: secret,
    });
    const [postgres, redis, accounts] = findings;
    expect(postgres).toMatchObject({ state: 'fine', text: `127.0.0.1:${port} (DATABASE_URL)` });
    expect(redis).toMatchObject({ state: 'wrong', text: 'nobody answers at 127.0.0.1:1 (REDIS_URL)' });
    expect(accounts).toMatchObject({ state: 'wrong' });
    expect(JSON.stringify(findings)).not.toContain(secret);
  });

  test('of which only half is set are wrong, and the command names the other half', async () => {
    const wrongs = (await check({ DAYTONA_API_KEY: secret })).filter(({ area }) => area === 'settings');
    expect(wrongs).toEqual([
      {
        area: 'settings',
        state: 'wrong',
        text: 'DAYTONA_API_KEY is set and DAYTONA_API_URL is not',
        command: "echo 'DAYTONA_API_URL=…' >> .env",
      },
    ]);
  });

  test('that are not named come with npm start', async () => {
    expect((await check({ PATH: '/usr/bin' })).map(({ area }) => area)).toEqual([
      'Postgres',
      'Redis',
      'accounts',
      'sandboxes',
    ]);
  });
});

describe('the port', () => {
  test('is free, in use by another program, or ours', async () => {
    const taken = settingsOf({ PORT: String(port) });
    expect(await checkPort({ settings: taken, dataDirectory: folder })).toMatchObject({
      state: 'wrong',
      command: `PORT=${port + 1} npm start`,
    });
    await writeFile(path.join(folder, 'launcher.json'), JSON.stringify({ pid: process.pid }));
    expect(await checkPort({ settings: taken, dataDirectory: folder })).toMatchObject({ state: 'fine' });
    expect(await checkPort({ settings: settingsOf({ PORT: '1' }), dataDirectory: folder })).toMatchObject({
      state: 'fine',
    });
    expect(await checkPort({ settings: settingsOf({ PORT: 'x' }), dataDirectory: folder })).toMatchObject({
      state: 'wrong',
    });
  });
});

describe('keys and the model', () => {
  test('are shown by name and place, never by value', async () => {
    const settings = settingsOf({ OPENAI_API_KEY: secret, TAVILY_API_KEY: secret });
    expect(checkKeys(settings).text).toBe('OPENAI_API_KEY (environment), TAVILY_API_KEY (environment)');
    expect(await checkModel(settings)).toMatchObject({ state: 'fine', text: 'OpenAI' });
    expect(await checkModel(settingsOf({}))).toMatchObject({ state: 'weak' });
    const local = { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`, MODEL: 'openai-compatible:x' };
    expect((await checkModel(settingsOf(local))).text).toContain('openai-compatible:x by default');
    const gone = settingsOf({ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' });
    expect(await checkModel(gone)).toMatchObject({ state: 'wrong' });
  });
});

describe('settings', () => {
  test('are read from .env as npm start reads them, and the environment wins', async () => {
    expect(parseEnvFile('# A=1\nB=2 # two\nexport C="a # b"\nD=\n E = \'e\' \nnot a line\n')).toEqual([
      ['B', '2'],
      ['C', 'a # b'],
      ['E', 'e'],
    ]);
    const own = await mkdtemp(path.join(folder, 'root-'));
    await writeFile(path.join(own, '.env'), 'PORT=1\nMODEL=m\n');
    const settings = readSettings({ root: own, environment: { PORT: '2', MODEL: '' } });
    expect(settings.get('PORT')).toEqual({ value: '2', place: 'environment' });
    expect(settings.get('MODEL')).toEqual({ value: 'm', place: '.env' });
  });
});

describe('the wall', () => {
  test('is that of the service where there is one, and says what to do where it cannot be tried', async () => {
    const there = settingsOf({ DAYTONA_API_URL: 'https://example.test' });
    expect(await checkWall({ settings: there, root, node: process.execPath })).toMatchObject([
      { state: 'fine' },
    ]);
    const failing = settingsOf({ BWRAP_PATH: '/bin/false' });
    expect(await checkWall({ settings: failing, root, node: process.execPath })).toMatchObject([
      { area: 'namespaces', state: 'wrong', command: expect.stringMatching(/./) as string },
    ]);
  });
});

test('a line that is wrong has its command below it', () => {
  const line = formatFinding(
    { area: 'disk', state: 'wrong', text: 'full', command: 'npm run reset' },
    { hasColours: false },
  );
  expect(line).toBe('✗ disk         full\n               → npm run reset');
});

test('the whole of it ends with 1 when something is wrong, and shows no value of a variable', async () => {
  const environment = {
    PATH: process.env['PATH'],
    OPENAI_API_KEY: secret,
    REDIS_URL: `redis://:${secret}@127.0.0.1:1`,
    DAYTONA_API_URL: `http://127.0.0.1:${port}`,
    DAYTONA_API_KEY: secret,
    PORT: '1',
  };
  const run = promisify(execFile)(process.execPath, ['scripts/bootstrap.mjs', 'doctor'], {
    cwd: root,
    env: environment,
  });
  const { code, stdout, stderr } = await run.then(
    () => ({ code: 0, stdout: '', stderr: '' }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
  expect(code).toBe(1);
  expect(stdout).toContain('✗ Redis');
  expect(stdout).toContain('OPENAI_API_KEY (environment)');
  expect(stdout).toMatch(/\d to mend/);
  expect(stdout + stderr).not.toContain(secret);
});
