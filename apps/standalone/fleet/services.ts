import path from 'node:path';
import {
  fetchBubblewrap,
  fetchRedis,
  findBubblewrap,
  findRedis,
  type ScriptedModel,
  startPostgres,
  startRedis,
  startScriptedModel,
  startSupabase,
  type SupabaseStandIn,
} from '@switchyard/stand-ins';
import { type Database, connectDatabase, migrate } from '@switchyard/store';
import { root } from '../src/config.ts';
import { startMember } from './member.ts';

/** A service that can go away and come back at the same address with the same data. */
export interface Service {
  readonly url: string;
  readonly pid: () => number;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** What the members of a fleet share. */
export interface FleetServices {
  readonly postgres: Service;
  readonly redis: Service;
  readonly sandboxHost: Service & { readonly apiKey: string };
  readonly supabase: SupabaseStandIn;
  readonly model: ScriptedModel;
  readonly sql: Database;
  /** Never rejects. */
  stop(): Promise<void>;
}

const sandboxKey = 'key-of-a-fleet-0123456789';

interface Running {
  readonly url: string;
  readonly pid: number;
  readonly exited: Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts all services below `dataDir`, Postgres and Redis with durable writes, and migrates. */
export async function startServices(dataDir: string): Promise<FleetServices> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of stops.toReversed()) await step().catch(() => undefined);
  };
  async function keep(start: (port: number | null) => Promise<Running>): Promise<Service> {
    const service = await keepService(start);
    stops.push(() => service.stop());
    return service;
  }
  const cacheDir = path.join(root, '.cache');
  const log = (line: string): unknown => process.stderr.write(`${line}\n`);
  try {
    const searched = process.env['PATH'] ?? '';
    const redisProgram = (await findRedis(searched)) ?? (await fetchRedis({ cacheDir, log }));
    const bubblewrap = (await findBubblewrap(searched)) ?? (await fetchBubblewrap({ cacheDir, log }));
    const portOf = (port: number | null) => (port === null ? {} : { port });
    const [postgres, redis, sandboxHost, supabase, model] = await Promise.all([
      keep((port) => startPostgres({ dataDir: path.join(dataDir, 'postgres'), ...portOf(port) })),
      keep((port) =>
        startRedis({ program: redisProgram, dataDir: path.join(dataDir, 'redis'), ...portOf(port) }),
      ),
      keep(async (port) => {
        const member = await startMember({
          app: 'sandbox-host',
          name: 'sandbox host',
          environment: {
            PORT: String(port ?? 0),
            DAYTONA_API_KEY: sandboxKey,
            DATA_DIR: path.join(dataDir, 'sandboxes'),
            BWRAP_PATH: bubblewrap.command,
          },
        });
        return { ...member, url: member.url ?? '', stop: () => member.end('SIGTERM') };
      }),
      startSupabase({ dataDir: path.join(dataDir, 'supabase') }),
      startScriptedModel({ maxRequests: 100_000 }),
    ]);
    stops.push(
      () => supabase.stop(),
      () => model.stop(),
    );
    await migrate({ url: postgres.url });
    const sql = connectDatabase({ url: postgres.url, maxConnections: 4, applicationName: 'fleet' });
    stops.push(() => sql.end({ timeout: 5 }));
    return {
      postgres,
      redis,
      sandboxHost: { ...sandboxHost, apiKey: sandboxKey },
      supabase,
      model,
      sql,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Remembers the port, so that the service comes back where it was. */
async function keepService(start: (port: number | null) => Promise<Running>): Promise<Service> {
  let running = await start(null);
  const { url } = running;
  return {
    url,
    pid: () => running.pid,
    async stop() {
      await running.stop();
    },
    async kill() {
      process.kill(running.pid, 'SIGKILL');
      await running.exited;
    },
    async start() {
      const port = Number(new URL(url).port);
      // Twice, in runs of the whole suite alone, a Postgres was killed from outside before its first word; by whom is
      // not known. What such a test is about is what others do once the service is back.
      running = await start(port).catch(() => start(port));
    },
  };
}
