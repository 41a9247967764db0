import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectRedis, type Redis } from '@switchyard/bus';
import { type Client, createClient } from '@switchyard/client';
import { createLifecycle, createLogger } from '@switchyard/process';
import { type WatchedAnswers, watchAnswers } from '@switchyard/protocol/test';
import { startSupabase, type SupabaseStandIn } from '@switchyard/stand-ins';
import type { Database } from '@switchyard/store';
import { createTestDatabase } from '@switchyard/store/test';
import { inject } from 'vitest';
import { readConfig } from '../src/config.ts';
import { startGateway } from '../src/start-gateway.ts';

/** A gateway in this process, on real services: a database and an issuer of its own, the shared Redis. */
export interface Stack {
  readonly url: string;
  readonly adminUrl: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly sql: Database;
  readonly redis: Redis;
  readonly supabase: SupabaseStandIn;
  /** The gateway's answers to this process; `stop` fails when one of them is not in its OpenAPI document. */
  readonly answers: WatchedAnswers;
  /** The gateway's log, from the level that `LOG_LEVEL` names; silent unless told. */
  readonly logged: readonly string[];
  /** A new person's token. */
  signIn(): { readonly userId: string; readonly token: string };
  client(token: string): Client;
  /** Stops the gateway alone, as SIGTERM does. */
  drain(): Promise<void>;
  /** A second gateway on the same services. */
  startAnother(): Promise<{ readonly url: string; readonly adminUrl: string; drain(): Promise<void> }>;
  stop(): Promise<void>;
}

/** Starts a stack; `environment` stands over the gateway's own variables. */
export async function startStack(environment: Readonly<Record<string, string>> = {}): Promise<Stack> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-gateway-'));
  const supabase = await startSupabase({ dataDir });
  const database = await createTestDatabase();
  const redis = connectRedis(environment['REDIS_URL'] ?? inject('redisUrl'));
  const variables = {
    ENVIRONMENT: 'development',
    LOG_LEVEL: 'silent',
    PORT: '0',
    DATABASE_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    SCRIPTED_MODEL_URL: 'http://127.0.0.1:9/v1',
    RATE_LIMIT_WRITES: '10000',
    STREAMS_PER_ACCOUNT: '100000',
    DRAIN_MS: '2000',
    ...environment,
  };
  const logged: string[] = [];
  const served = await serve(variables, logged);
  const { url, adminUrl } = served;
  const answers = await watchAnswers(url);
  const others: { readonly answers: WatchedAnswers; drain(): Promise<void> }[] = [];
  return {
    url,
    adminUrl,
    environment: variables,
    sql: database.sql,
    redis,
    supabase,
    answers,
    logged,
    signIn() {
      const userId = randomUUID();
      return { userId, token: supabase.issueToken({ userId, email: `${userId}@example.com` }) };
    },
    client: (token) => createClient({ url, token }),
    drain: () => served.drain(),
    async startAnother() {
      const another = await serve(variables, logged);
      others.push({ ...another, answers: await watchAnswers(another.url) });
      return another;
    },
    async stop() {
      for (const each of [served, ...others]) await each.drain();
      redis.disconnect();
      await supabase.stop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
      for (const watched of [answers, ...others.map((other) => other.answers)])
        await watched.expectDocumented();
    },
  };
}

async function serve(
  variables: Readonly<Record<string, string>>,
  logged: string[],
): Promise<{ url: string; adminUrl: string; drain(): Promise<void> }> {
  const config = readConfig(variables);
  const logger = createLogger({
    name: 'gateway',
    level: config.logLevel,
    destination: { write: (line) => void logged.push(line) },
  });
  const lifecycle = createLifecycle({ logger, drainMs: 5000 });
  const { url, adminUrl } = await startGateway({ config, logger, lifecycle });
  return { url, adminUrl, drain: () => lifecycle.stop('test') };
}
