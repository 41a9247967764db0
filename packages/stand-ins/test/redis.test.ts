import { connect } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { fetchRedis, findRedis, type RedisOptions, type RedisProgram, startRedis } from '../src/index.ts';
import { isAlive, temporaryDirectory } from './temporary-directory.ts';

const cacheDir = path.resolve(import.meta.dirname, '../../../.cache');
let program: RedisProgram;

beforeAll(async () => {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  program = (await findRedis(process.env['PATH'] ?? '')) ?? (await fetchRedis({ cacheDir, log }));
});

async function start(options: Omit<RedisOptions, 'program'>) {
  const redis = await startRedis({ program, ...options });
  onTestFinished(() => redis.stop());
  return redis;
}

describe('Redis', () => {
  test('keeps what it acknowledged over an ordinary stop', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'data');
    const first = await start({ dataDir });
    expect(await ask(first, 'SET color green')).toBe('+OK');
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await start({ dataDir });
    expect(await ask(second, 'GET color')).toBe('$5 green');
  });

  test('starts again after it was killed, on the same port with the same password', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'data');
    const first = await start({ dataDir });
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toBe(137);
    const second = await start({ dataDir, port: first.port });
    expect(second.url).toBe(first.url);
    expect(await ask(second, 'PING')).toBe('+PONG');
  });

  test('reports its own pid, refuses strangers and never evicts', async () => {
    const redis = await start({ isThrowAway: true });
    expect(await ask(redis, 'INFO server')).toContain(`process_id:${redis.pid} `);
    expect(await ask(redis, 'CONFIG GET maxmemory-policy')).toContain('noeviction');
    const stranger = { ...redis, url: `redis://:wrong@127.0.0.1:${redis.port}` };
    expect(await ask(stranger, 'PING')).toContain('-NOAUTH');
  });

  test('says in one line who uses the data directory', async () => {
    const dataDir = path.join(await temporaryDirectory(), 'data');
    const first = await start({ dataDir });
    await expect(startRedis({ program, dataDir })).rejects.toThrow(`is in use by process ${first.pid}`);
  });

  test('says in one line that the port is in use', async () => {
    const first = await start({ isThrowAway: true });
    await expect(startRedis({ program, isThrowAway: true, port: first.port })).rejects.toThrow(
      `Port ${first.port} is in use`,
    );
  });
});

/** Redis answers inline commands: no client is needed to ask one thing. */
function ask(redis: { url: string; port: number }, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(redis.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.once('error', reject);
    socket.once('close', () => {
      const lines = text.split('\r\n').filter((line) => line !== '');
      // The answers to AUTH and QUIT stand around the one that was asked for.
      resolve(lines.slice(1, -1).join(' '));
    });
    socket.write(`AUTH ${new URL(redis.url).password}\r\n${command}\r\nQUIT\r\n`);
  });
}
