import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { fetchRedis, findRedis, startPostgres, startRedis } from './packages/stand-ins/src/index.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of a superuser of a throw-away cluster: each test file makes a database of its own there. */
    postgresUrl: string;
    /** Of a throw-away server that all test files share: use ids of your own, and never flush it. */
    redisUrl: string;
  }
}

interface Services {
  readonly postgresUrl: string;
  readonly redisUrl: string;
  stop(): Promise<void>;
}

/** Both kinds of tests that need services run in one process and share them. */
const shared: { services: Promise<Services> | null; users: number } = ((
  globalThis as { switchyardTestServices?: { services: Promise<Services> | null; users: number } }
).switchyardTestServices ??= { services: null, users: 0 });

/** Starts the services, or joins those of the other kind of tests; the last to leave stops them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.users += 1;
  const services = await (shared.services ??= startServices());
  project.provide('postgresUrl', services.postgresUrl);
  project.provide('redisUrl', services.redisUrl);
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    shared.services = null;
    await services.stop();
  };
}

async function startServices(): Promise<Services> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const cacheDir = path.join(import.meta.dirname, '.cache');
  const program = (await findRedis(process.env['PATH'] ?? '')) ?? (await fetchRedis({ cacheDir, log }));
  const redis = await startRedis({ program, isThrowAway: true });
  const postgres = await startPostgres({ isThrowAway: true }).catch(async (error: unknown) => {
    await redis.stop();
    throw error;
  });
  return {
    postgresUrl: postgres.url,
    redisUrl: redis.url,
    async stop() {
      await Promise.all([postgres.stop(), redis.stop()]);
    },
  };
}
