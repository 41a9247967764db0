import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import type { Logger } from '@switchyard/process';
import { readBwrapFeatures } from './bwrap-features.ts';
import { checkWall, type WallTrouble } from './check-wall.ts';
import { findCgroups } from './cgroups.ts';
import { allDefences, type Defence } from './defences.ts';
import { createNetwork, type EgressNetwork } from './egress/find-way.ts';
import { createEgressGates } from './egress/gates.ts';
import { type EgressPolicy, narrowPolicy } from './egress/policy.ts';
import { findTool } from './launch-command.ts';
import { defaultLimits, type SandboxLimits } from './limits.ts';
import { startNamespace } from './namespace.ts';
import { startPreviewServer } from './previews/preview-server.ts';
import { createPreviewTokens } from './previews/preview-token.ts';
import { createApp } from './routes.ts';
import { createRecords, type SandboxRecord } from './sandbox-record.ts';
import { createRegistry, defaultQuotas, type HostQuotas } from './sandbox-registry.ts';
import type { SandboxRegistry } from './sandbox-views.ts';
import { makeStageFolder } from './stage-folder.ts';
import { findProcessor } from './system-calls.ts';
import { findSystemFolders, writeSystemFiles } from './system-files.ts';
import { pingInit } from './toolbox-proxy.ts';
import { type LimitsWatch, watchLimits } from './watch-limits.ts';

export interface SandboxHostOptions {
  readonly host: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
  readonly apiKey: string;
  /** Workspaces and records; survives the process. */
  readonly dataDir: string;
  /** Null when there is none: the host starts and refuses sandboxes with the reason. */
  readonly bwrapPath: string | null;
  readonly logger: Logger;
  /** Of one sandbox; default: `defaultLimits()`. */
  readonly limits?: SandboxLimits;
  /** Of the host; default: `defaultQuotas`. */
  readonly quotas?: HostQuotas;
  /** What stays free on the disk of `dataDir` (default 1 GiB): below it nothing starts, and who still writes is stopped. */
  readonly minFreeDiskBytes?: number;
  /** What sandboxes may reach: the public internet when it is not given, nothing when it is null. */
  readonly egress?: EgressPolicy | null;
  /** Where previews are served, and by which address browsers reach them; default: a free port of localhost. */
  readonly previews?: { readonly port: number; readonly publicUrl: string | null };
  /** How the proxy resolves and connects; for tests, which record it. */
  readonly network?: EgressNetwork;
  /** For the tests of the wall alone. */
  readonly withoutDefences?: readonly Defence[];
  /** The environment that the starting process gets when `empty-environment` is off. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly platform?: string;
}

export interface SandboxHost {
  /** For `DAYTONA_API_URL`. */
  readonly url: string;
  readonly registry: SandboxRegistry;
  /** Why no sandbox can be started here, as far as that is known before one is asked for. */
  readonly trouble: WallTrouble | null;
  /** Who keeps sandboxes to their memory: the kernel, or this process by looking. */
  readonly memoryLimitBy: 'cgroup' | 'measure';
  /** Kills all sandboxes; their workspaces stay. */
  close(): Promise<void>;
  /** Stops listening and leaves the sandboxes running, for a host process that takes them over. */
  abandon(): Promise<void>;
}

const usualFreeDiskBytes = 1024 ** 3;
const tickMs = 10_000;
const pingTimeoutMs = 5_000;
/** Longer than any client keeps an idle connection, so that the client closes first and no request meets a closed one. */
const keepAliveMs = 120_000;

/** Starts the host and takes over the sandboxes that a former process with the same `dataDir` left running. */
export async function startSandboxHost(options: SandboxHostOptions): Promise<SandboxHost> {
  const opened: (() => Promise<unknown>)[] = [];
  try {
    return await openHost(options, (close) => opened.push(close));
  } catch (error) {
    for (const close of opened.toReversed()) {
      await close().catch((failure: unknown) => {
        options.logger.warn({ error: failure }, 'what was opened of a host stays open');
      });
    }
    throw error;
  }
}

/** Gives `onFailure` what closes each thing that it opens. */
async function openHost(
  options: SandboxHostOptions,
  onFailure: (close: () => Promise<unknown>) => void,
): Promise<SandboxHost> {
  const { logger, dataDir } = options;
  const isRoot = process.getuid?.() === 0;
  const sandboxesFolder = join(dataDir, 'sandboxes');
  const systemFolder = join(dataDir, 'system');
  await mkdir(sandboxesFolder, { recursive: true, mode: 0o700 });
  const { etc, inside, seccompPath } = await writeSystemFiles(systemFolder);
  const stage = await makeStageFolder(systemFolder);
  if (stage.isNew) onFailure(() => stage.remove());

  const defences = new Set(allDefences.filter((name) => !options.withoutDefences?.includes(name)));
  if (findProcessor(process.arch) === null) {
    defences.delete('seccomp');
    logger.warn({ arch: process.arch }, 'no system call filter for this processor');
  }
  const givesUserIds = isRoot && defences.has('unprivileged-uid');
  const systemFolders = findSystemFolders();
  const neededTools = ['prlimit', 'find', 'rm', 'chmod', ...(isRoot ? ['unshare', 'setpriv', 'mount'] : [])];
  const trouble = checkWall({
    platform: options.platform ?? process.platform,
    bwrapPath: options.bwrapPath,
    missingTools: neededTools.filter((name) => !findTool(name)),
  });
  if (trouble) logger.warn(trouble, 'no sandbox can be started here');

  const features = await readBwrapFeatures(options.bwrapPath);
  if (!trouble && !(features.canLimitSize && features.canDisableNesting)) {
    logger.warn(features, 'this bubblewrap is older than 0.8: the wall is weaker');
  }

  const limits = options.limits ?? defaultLimits();
  const cgroups = defences.has('memory-limit') ? findCgroups() : null;

  const gates = createEgressGates({
    network: options.network ?? createNetwork(),
    hasAddressCheck: defences.has('egress-address-check'),
    hasPortCheck: defences.has('egress-port-check'),
    logger,
  });
  onFailure(() => gates.closeAll());
  const everything = { allowedDomains: null };
  const asked = options.egress === undefined ? everything : options.egress;
  const outer = asked && !defences.has('egress-domains') ? everything : asked;
  /** Opens the sandbox's way out, if it has one, and gives the folder of its socket. */
  async function openGate(record: SandboxRecord, folder: string): Promise<string | null> {
    if (outer === null || record.isNetworkBlocked) return null;
    const egress = join(folder, 'egress');
    await gates.open(record.id, egress, narrowPolicy(outer, record));
    return egress;
  }

  let watch: LimitsWatch | null = null;
  const registry = await createRegistry({
    records: createRecords(sandboxesFolder, logger),
    logger,
    givesUserIds,
    hasOwnUserIds: defences.has('own-user-id'),
    trouble,
    limits,
    quotas: options.quotas ?? defaultQuotas,
    start: async (record, folder, ownLimits) => {
      const egress = await openGate(record, folder);
      return startNamespace({
        bwrapPath: options.bwrapPath ?? '',
        features,
        seccompPath,
        infoPath: join(folder, 'bwrap.json'),
        stage: stage.path,
        user: givesUserIds ? { id: record.userId } : null,
        systemFolders,
        defences,
        cgroup: cgroups?.create(record.id, ownLimits) ?? null,
        limits: ownLimits,
        environment: options.environment ?? {},
        sources: {
          workspace: join(folder, 'workspace'),
          run: join(folder, 'run'),
          egress,
          node: process.execPath,
          inside,
          etc,
        },
      });
    },
    async onStopped(id) {
      await gates.close(id);
      await cgroups?.remove(id);
    },
    refusal: (id) => watch?.refusal(id) ?? null,
  });
  onFailure(async () => {
    for (const { namespace } of registry.running()) namespace.release();
  });
  for (const { id, record, folder, namespace } of registry.running()) {
    await openGate(record, folder).catch((error: unknown) => {
      // The others must not go without a host for it.
      logger.error({ sandboxId: id, error }, 'the way out of a sandbox could not be opened again');
      return registry.stop(id, { namespace, reason: 'its way out could not be opened again' });
    });
  }
  watch = watchLimits({
    minFreeDiskBytes: options.minFreeDiskBytes ?? usualFreeDiskBytes,
    dataDir,
    bwrapPath: isRoot ? null : options.bwrapPath,
    isDiskWatched: defences.has('disk-limit'),
    running: () =>
      registry.running().map(({ id, namespace, workspace, lastActivityAt, limits: ownLimits }) => ({
        id,
        pid: namespace.identity.pid,
        workspace,
        lastActivityAt,
        limits: ownLimits,
        isMemoryWatched: defences.has('memory-limit') && !cgroups,
      })),
    async stop({ id, pid }, reason) {
      const namespace = registry.running().find((sandbox) => sandbox.id === id)?.namespace;
      if (namespace?.identity.pid === pid) await registry.stop(id, { namespace, reason });
    },
    logger,
  });
  onFailure(async () => watch?.close());

  const previews = await startPreviewServer({
    host: options.host,
    ...(options.previews ?? { port: 0, publicUrl: null }),
    tokens: createPreviewTokens(options.apiKey),
    registry,
    logger,
  });
  onFailure(() => previews.close());
  const app = createApp({ registry, previews, limits, apiKey: options.apiKey, logger });
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const listening = serve(
      {
        fetch: app.fetch,
        hostname: options.host,
        port: options.port,
        serverOptions: { keepAliveTimeout: keepAliveMs, requestTimeout: 0, keepAlive: true },
      },
      () => resolve(listening),
    );
    listening.once('error', reject);
  });

  let ticking: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    const pings = registry.running().map(async ({ id, namespace }) => {
      if (!(await pingInit(namespace, pingTimeoutMs)))
        await registry.stop(id, { namespace, reason: 'it ended by itself' });
    });
    ticking = Promise.all([...pings, registry.stopIdle()]).catch((error: unknown) => {
      logger.error({ error }, 'tick failed');
    });
  }, tickMs);

  async function stopListening(): Promise<void> {
    clearInterval(timer);
    await watch?.close();
    await gates.closeAll();
    await previews.close();
    await ticking;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      if ('closeAllConnections' in server) server.closeAllConnections();
    });
    await stage.remove();
  }

  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    registry,
    trouble,
    memoryLimitBy: cgroups ? 'cgroup' : 'measure',
    async close() {
      await Promise.all([stopListening(), registry.close()]);
    },
    async abandon() {
      await stopListening();
      for (const { namespace } of registry.running()) namespace.release();
    },
  };
}
