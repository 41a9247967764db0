import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A Lua script with the digest under which Redis keeps it. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/** Names a Lua script; nothing is sent. */
export function defineScript(source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/** Runs a script by its digest, and by its text when this Redis has not seen it yet (EVALSHA answers NOSCRIPT). */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(script.sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.eval(script.source, keys.length, ...keys, ...args);
  }
}
