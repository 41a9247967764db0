import type { Daytona, Sandbox as DaytonaSandbox } from '@daytonaio/sdk';
import { callService } from './call-service.ts';
import { SandboxGoneError } from './service-errors.ts';

/** What new sandboxes are made from; the service's own snapshot when it is not told. */
export type SandboxSource =
  | { readonly kind: 'snapshot'; readonly name: string }
  | {
      /** Built by the service when it first sees it. Only an image takes resources: a snapshot has its own. */
      readonly kind: 'image';
      readonly name: string;
      /** Cores. */
      readonly cpu?: number;
      readonly memoryGb?: number;
      readonly diskGb?: number;
    };

export interface SandboxServiceOptions {
  /** The Daytona API, for example `https://app.daytona.io/api` or a sandbox host's `http://127.0.0.1:<port>`. */
  readonly apiUrl: string;
  readonly apiKey: string;
  /** The region, where the service has several. */
  readonly target?: string;
  readonly source?: SandboxSource;
  /** Besides our own, which name the project. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Without a request (default 30: the service's own 15 are short for a model that thinks); 0 is never. */
  readonly autoStopMinutes?: number;
  /** After it was stopped (default a week, as the service's own); it is started from there all the same. */
  readonly autoArchiveMinutes?: number;
  /** Of one request, in milliseconds (default 30,000). */
  readonly requestTimeoutMs?: number;
  /** Of making, starting or waking one, in milliseconds (default 120,000): the real service takes up to a minute. */
  readonly startTimeoutMs?: number;
}

/** What is done with whole sandboxes. Each call ends in time and throws as `callService` does. */
export interface SandboxService {
  /** Null when there is none by that id or name. */
  find(idOrName: string, signal: AbortSignal): Promise<DaytonaSandbox | null>;
  create(options: {
    readonly name: string;
    readonly projectId: string;
    readonly signal: AbortSignal;
  }): Promise<DaytonaSandbox>;
  /** Done when it is started. */
  start(sandbox: DaytonaSandbox, signal: AbortSignal): Promise<void>;
  /** Mends one whose error the service calls recoverable; done when it is started. */
  recover(sandbox: DaytonaSandbox, signal: AbortSignal): Promise<void>;
  /** Done when it is stopped. */
  stop(sandbox: DaytonaSandbox, signal: AbortSignal): Promise<void>;
  /** Asks for a stopped one to be moved to where it takes no disk. */
  archive(sandbox: DaytonaSandbox, signal: AbortSignal): Promise<void>;
  /** Asks for it to be removed for good. */
  remove(sandbox: DaytonaSandbox, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export const defaultRequestTimeoutMs = 30_000;
export const defaultStartTimeoutMs = 120_000;
const defaultAutoStopMinutes = 30;
const defaultAutoArchiveMinutes = 7 * 24 * 60;

/** The service over the Daytona wire. Nothing is loaded or asked before the first call. */
export function createSandboxService(options: SandboxServiceOptions): SandboxService {
  const { requestTimeoutMs = defaultRequestTimeoutMs, startTimeoutMs = defaultStartTimeoutMs } = options;
  const startTimeoutS = startTimeoutMs / 1000;
  let client: Promise<Daytona> | null = null;

  async function connect(): Promise<Daytona> {
    // 160 ms and 50 MB that a process without sandboxes does not spend.
    const { Daytona } = await import('@daytonaio/sdk');
    return new Daytona({
      apiUrl: options.apiUrl,
      apiKey: options.apiKey,
      requestTimeoutMs,
      // REST alone: no socket that waits for events.
      useDeprecatedPolling: true,
      ...(options.target === undefined ? {} : { target: options.target }),
    });
  }

  function paramsOf({ name, projectId }: { readonly name: string; readonly projectId: string }) {
    return {
      name,
      language: 'javascript',
      // A new object: the SDK adds to it.
      labels: { ...options.labels, 'switchyard-project': projectId },
      autoStopInterval: options.autoStopMinutes ?? defaultAutoStopMinutes,
      autoArchiveInterval: options.autoArchiveMinutes ?? defaultAutoArchiveMinutes,
      // Never by itself: a workspace belongs to its project, and goes with it.
      autoDeleteInterval: -1,
    };
  }

  async function create(daytona: Daytona, sandbox: Parameters<typeof paramsOf>[0]): Promise<DaytonaSandbox> {
    const params = paramsOf(sandbox);
    const timeout = { timeout: startTimeoutS };
    const { source } = options;
    switch (source?.kind) {
      case 'image': {
        const { name: image, cpu, memoryGb, diskGb } = source;
        const resources = {
          ...(cpu === undefined ? {} : { cpu }),
          ...(memoryGb === undefined ? {} : { memory: memoryGb }),
          ...(diskGb === undefined ? {} : { disk: diskGb }),
        };
        return await daytona.create({ ...params, image, resources }, timeout);
      }
      case 'snapshot':
        return await daytona.create({ ...params, snapshot: source.name }, timeout);
      case undefined:
        return await daytona.create(params, timeout);
    }
  }

  function start(what: string, signal: AbortSignal, action: () => Promise<void>): Promise<void> {
    return callService({ what, signal, isRepeatable: true, timeoutMs: startTimeoutMs }, action);
  }

  function ask(what: string, signal: AbortSignal, action: () => Promise<void>): Promise<void> {
    return callService({ what, signal, isRepeatable: true, timeoutMs: requestTimeoutMs }, action);
  }

  return {
    async find(idOrName, signal) {
      client ??= connect();
      const daytona = await client;
      try {
        return await callService(
          { what: 'find a sandbox', signal, isRepeatable: true, timeoutMs: requestTimeoutMs },
          () => daytona.get(idOrName),
        );
      } catch (error) {
        if (error instanceof SandboxGoneError) return null;
        throw error;
      }
    },
    async create({ signal, ...sandbox }) {
      client ??= connect();
      const daytona = await client;
      return await callService(
        { what: 'create a sandbox', signal, isRepeatable: false, timeoutMs: startTimeoutMs },
        () => create(daytona, sandbox),
      );
    },
    start: (sandbox, signal) => start('start a sandbox', signal, () => sandbox.start(startTimeoutS)),
    recover: (sandbox, signal) => start('recover a sandbox', signal, () => sandbox.recover(startTimeoutS)),
    stop: (sandbox, signal) => start('stop a sandbox', signal, () => sandbox.stop(startTimeoutS)),
    archive: (sandbox, signal) => ask('archive a sandbox', signal, () => sandbox.archive()),
    remove: (sandbox, signal) =>
      ask('remove a sandbox', signal, () => sandbox.delete(requestTimeoutMs / 1000)),
    async close() {
      const daytona = await client;
      client = null;
      await daytona?.[Symbol.asyncDispose]();
    },
  };
}
