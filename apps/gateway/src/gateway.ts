import type { Context } from 'hono';
import type { HttpBindings } from '@hono/node-server';
import type { Control, Redis, RunQueue } from '@switchyard/bus';
import type { Logger } from '@switchyard/process';
import type { Sandboxes } from '@switchyard/sandbox';
import type { Actor, Blobs, Database } from '@switchyard/store';
import type { Authenticate } from './authenticate.ts';
import type { Config } from './config.ts';
import type { EventStreams } from './event-streams.ts';
import type { ConsumeWrite } from './rate-limit.ts';
import type { Gate } from './gate.ts';
import type { PageFiles } from './page-files.ts';
import type { RunFeeds } from './run-feeds.ts';
import type { StreamShares } from './stream-shares.ts';
import type { StoreUploads } from './store-uploads.ts';

/** What the routes are made of: one of each per process, opened by `startGateway`. */
export interface Gateway {
  readonly config: Config;
  readonly logger: Logger;
  /** Aborted when the process begins to stop. */
  readonly stopping: AbortSignal;
  readonly sql: Database;
  readonly redis: Redis;
  readonly queue: RunQueue;
  readonly control: Control;
  readonly blobs: Blobs;
  readonly storeUploads: StoreUploads;
  readonly authenticate: Authenticate;
  readonly consumeWrite: ConsumeWrite;
  /** The places of bodies that are larger than most. */
  readonly largeBodies: Gate;
  readonly feeds: RunFeeds;
  readonly streams: EventStreams;
  readonly streamShares: StreamShares;
  readonly page: PageFiles;
  /** Null when no sandbox service is configured. */
  readonly sandboxes: Sandboxes | null;
}

export interface GatewayEnv {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** Set behind `/v1`. */
    actor: Actor;
    /** Whose run it is, of a viewer who comes with a ticket and names no account. */
    ticketAccountId?: string;
    /** Set when the answer is a stream, which writes its own line in the log at its end. */
    isStream?: true;
  };
}

export type GatewayContext = Context<GatewayEnv>;
