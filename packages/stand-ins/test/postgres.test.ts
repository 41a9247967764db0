import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type PostgresOptions, startPostgres } from '../src/index.ts';
import { isAlive, temporaryDirectory } from './temporary-directory.ts';

async function start(options: PostgresOptions) {
  const postgres = await startPostgres(options);
  onTestFinished(() => postgres.stop());
  return postgres;
}

describe('Postgres', () => {
  test('reports the pid of the postmaster itself', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'data');
    const postgres = await start({ dataDir });
    const lockFile = await readFile(path.join(dataDir, 'postmaster.pid'), 'utf8');
    expect(Number.parseInt(lockFile, 10)).toBe(postgres.pid);
  });

  test('starts again on its data after it was killed, with the same password', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'data');
    const first = await start({ dataDir });
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toBe(137);
    const second = await start({ dataDir, port: first.port });
    expect(second.url).toBe(first.url);
    expect(second.pid).not.toBe(first.pid);
  });

  test('leaves nothing of a throw-away cluster', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'thrown');
    const postgres = await start({ isThrowAway: true });
    await postgres.stop();
    expect(isAlive(postgres.pid)).toBe(false);
    await expect(stat(dataDir)).rejects.toThrow('ENOENT');
  });

  test('says in one line who uses the data directory', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'data');
    const first = await start({ dataDir });
    await expect(startPostgres({ dataDir })).rejects.toThrow(
      `The database in ${dataDir} is in use by process ${first.pid}`,
    );
  });

  test('says in one line that the data belongs to an older version', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'data');
    const postgres = await start({ dataDir });
    await postgres.stop();
    await writeFile(path.join(dataDir, 'PG_VERSION'), '16\n');
    await expect(startPostgres({ dataDir })).rejects.toThrow(
      `The data in ${dataDir} belongs to Postgres 16, this is Postgres 18. Move it away, or remove it with \`npm run reset\``,
    );
  });

  test('says in one line that the port is in use', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'data');
    const port = await occupiedPort();
    await expect(startPostgres({ dataDir, port })).rejects.toThrow(`Port ${port} is in use`);
  });

  test('is not fooled by a lock file whose number belongs to somebody else by now', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'data');
    const first = await start({ dataDir });
    const lockFile = path.join(dataDir, 'postmaster.pid');
    const lines = (await readFile(lockFile, 'utf8')).split('\n');
    await first.stop();
    await writeFile(lockFile, [String(process.pid), ...lines.slice(1)].join('\n'));
    const second = await start({ dataDir });
    expect(isAlive(second.pid)).toBe(true);
  });
});

async function occupiedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
