import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Client, createClient } from '@switchyard/client';
import { newId, type UserId } from '@switchyard/protocol';
import { createApiKey, resolveUser } from '@switchyard/store';
import { type Balancer, startBalancer } from './balancer.ts';
import { type Line, openLine, type Tap } from './line.ts';
import { type Member, startMember } from './member.ts';
import { type FleetServices, startServices } from './services.ts';

/** A member and the lines by which it reaches its services. */
export interface FleetMember extends Member {
  readonly lines: readonly string[];
  readonly to: { readonly redis: Line; readonly postgres: Line; readonly sandboxes: Line };
}

export interface MemberOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Where its program is taken from; default: this repository. */
  readonly checkout?: string;
  readonly taps?: { readonly redis?: Tap; readonly postgres?: Tap; readonly sandboxes?: Tap };
  /** Its lines carry nothing until they are told to. */
  readonly isHushed?: boolean;
}

/**
 * A deployment on one machine: gateways and workers as processes of their own, each with lines of its own to the
 * services, behind one address. For tests, the torture and the bench; everything in it can be killed, frozen and cut.
 */
export interface Fleet {
  readonly services: FleetServices;
  /** Of the balancer before all gateways. */
  readonly url: string;
  readonly apiKey: string;
  /** Speaks to the balancer. */
  readonly client: Client;
  readonly gateways: readonly FleetMember[];
  readonly workers: readonly FleetMember[];
  addGateway(options?: MemberOptions): Promise<FleetMember>;
  addWorker(options?: MemberOptions): Promise<FleetMember>;
  /** Ends a member and closes its lines; a gateway gets no more connections from then on. */
  remove(member: FleetMember, signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** A key of a new account. */
  newApiKey(): Promise<string>;
  /** Stops and removes everything. Never rejects. */
  stop(): Promise<void>;
}

/** Starts services, and that many gateways and workers. */
export async function startFleet(options: {
  readonly gateways: number;
  readonly workers: number;
  /** For every member. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What the scripted server offers besides its own model, as OPENAI_MODELS has it; the first is the default. */
  readonly models?: string;
}): Promise<Fleet> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'switchyard-fleet-'));
  const services = await startServices(dataDir).catch(async (error: unknown) => {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  });
  const gateways: FleetMember[] = [];
  const workers: FleetMember[] = [];
  let balancer: Balancer | null = null;
  let count = 0;

  async function add(app: 'gateway' | 'worker', memberOptions: MemberOptions = {}): Promise<FleetMember> {
    const { taps = {}, checkout } = memberOptions;
    const [redis, postgres, sandboxes] = await Promise.all([
      openLine(services.redis.url, taps.redis),
      openLine(services.postgres.url, taps.postgres),
      openLine(services.sandboxHost.url, taps.sandboxes),
    ]);
    const to = { redis, postgres, sandboxes };
    if (memberOptions.isHushed) for (const line of Object.values(to)) line.hush();
    count += 1;
    const { supabase, sandboxHost, model } = services;
    const member = await startMember({
      app,
      name: `${app} ${count}`,
      environment: {
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        DAYTONA_API_URL: sandboxes.url,
        DAYTONA_API_KEY: sandboxHost.apiKey,
        SUPABASE_URL: supabase.url,
        SUPABASE_SECRET_KEY: supabase.secretKey,
        SCRIPTED_MODEL_URL: model.url,
        RATE_LIMIT_WRITES: '1000000',
        STREAMS_PER_ACCOUNT: '100000',
        PORT: '0',
        ...(options.models === undefined
          ? {}
          : {
              OPENAI_BASE_URL: `${model.url}/v1`,
              OPENAI_API_KEY: 'none',
              OPENAI_MODELS: options.models,
              // No request beside those that a scenario answers.
              TITLES: 'off',
            }),
        ...options.environment,
        ...memberOptions.environment,
      },
      ...(checkout === undefined ? {} : { checkout }),
    });
    const fleetMember = { ...member, to };
    (app === 'gateway' ? gateways : workers).push(fleetMember);
    return fleetMember;
  }

  async function remove(member: FleetMember, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await member.end(signal);
    for (const members of [gateways, workers]) {
      if (members.includes(member)) members.splice(members.indexOf(member), 1);
    }
    await Promise.all(Object.values(member.to).map((line) => line.stop()));
  }

  async function newApiKey(): Promise<string> {
    const owner = await resolveUser(services.sql, { userId: newId<UserId>(), email: null });
    return (await createApiKey(services.sql, owner, { name: 'fleet' })).key;
  }

  async function stop(): Promise<void> {
    // A frozen process does not hear SIGTERM.
    const members = [...gateways, ...workers];
    await Promise.all(members.map(async (member) => await remove(member, 'SIGKILL').catch(() => undefined)));
    await balancer?.stop().catch(() => undefined);
    await services.stop();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }).catch(
      () => undefined,
    );
  }

  try {
    balancer = await startBalancer(() => gateways.flatMap(({ url }) => (url === null ? [] : [url])));
    await Promise.all([
      ...Array.from({ length: options.gateways }, () => add('gateway')),
      ...Array.from({ length: options.workers }, () => add('worker')),
    ]);
    const apiKey = await newApiKey();
    return {
      services,
      url: balancer.url,
      apiKey,
      client: createClient({ url: balancer.url, token: apiKey }),
      gateways,
      workers,
      addGateway: async (memberOptions) => await add('gateway', memberOptions),
      addWorker: async (memberOptions) => await add('worker', memberOptions),
      remove,
      newApiKey,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
