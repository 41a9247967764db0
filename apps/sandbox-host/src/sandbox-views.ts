import type { SandboxLimits } from './limits.ts';
import type { Namespace } from './namespace.ts';
import type { SandboxRecord } from './sandbox-record.ts';

export type SandboxState = 'started' | 'stopped' | 'archived' | 'destroyed';

/** A sandbox as it is now. */
export interface SandboxView {
  readonly record: SandboxRecord;
  readonly state: SandboxState;
  /** This sandbox's own. */
  readonly limits: SandboxLimits;
  readonly lastActivityAt: Date;
}

/** A started one, with the way to it. */
export interface RunningSandbox {
  readonly id: string;
  readonly record: SandboxRecord;
  readonly folder: string;
  readonly namespace: Namespace;
  readonly workspace: string;
  readonly limits: SandboxLimits;
  /** Unix time in milliseconds. */
  readonly lastActivityAt: number;
}

/** What a new sandbox shall be. */
export interface CreateOptions {
  readonly name: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly autoStopMinutes: number | null;
  /** Less than the host allows, or null. */
  readonly memoryBytes?: number | null;
  readonly diskBytes?: number | null;
  readonly isNetworkBlocked?: boolean;
  readonly allowedDomains?: readonly string[] | null;
}

/** A request or a connection that uses a sandbox. */
export interface Visit {
  readonly namespace: Namespace;
  /** Once it is over; more calls do nothing. */
  readonly leave: () => void;
}

/** All sandboxes of a host; starts and stops of one happen one after the other. */
export interface SandboxRegistry {
  create(options: CreateOptions): Promise<SandboxView>;
  /** By id or name. Throws HostError 404. */
  find(idOrName: string): SandboxView;
  start(id: string): Promise<SandboxView>;
  /** With `namespace`: only if that is still the running one. `reason` is told to who finds it stopped. */
  stop(
    id: string,
    options?: { readonly namespace?: Namespace; readonly reason?: string },
  ): Promise<SandboxView>;
  /** Stops it and removes its workspace for good. */
  remove(id: string): Promise<SandboxView>;
  /** Marks a stopped one as put away; its workspace stays where it is. Throws HostError 409 when it runs. */
  archive(id: string): Promise<SandboxView>;
  /** The running namespace, which is not idle until `leave` is called. Throws HostError 409 when it is not started. */
  enter(id: string): Visit;
  running(): readonly RunningSandbox[];
  stopIdle(): Promise<void>;
  /** Kills every sandbox. */
  close(): Promise<void>;
}
