import { afterAll, inject } from 'vitest';
import { type Chunk, newId } from '@switchyard/protocol';
import { connectRedis, type Redis, readRunLog } from '../src/index.ts';

/** A connection that is closed after the file's last test. */
export function testRedis(): Redis {
  const redis = connectRedis(inject('redisUrl'));
  afterAll(() => redis.disconnect());
  return redis;
}

export const redisUrl = (): string => inject('redisUrl');

/** What a first open appends: two chunks. */
export function openingOf(runId: string): Chunk[] {
  return [
    { type: 'start', messageId: `message-${runId}` },
    { type: 'data-run', data: { runId, status: 'running', epoch: 1 }, transient: true },
  ];
}

export function textDelta(delta: string, id = 'text-1'): Chunk {
  return { type: 'text-delta', id, delta };
}

export { newId };

/** All events of a log as `<epoch>-<ordinal>:<text or type>`. */
export async function describeLog(redis: Redis, runId: string): Promise<string[]> {
  const { events } = await readRunLog(redis, runId, { afterOrdinal: 0 });
  return events.map(
    ({ epoch, ordinal, chunk }) =>
      `${epoch}-${ordinal}:${chunk.type === 'text-delta' ? chunk.delta : chunk.type}`,
  );
}
