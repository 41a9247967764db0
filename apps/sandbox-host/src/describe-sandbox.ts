import { availableParallelism } from 'node:os';
import type { Sandbox } from '@daytona/api-client';
import { z } from 'zod';
import { parseDomains } from './egress/policy.ts';
import { HostError } from './host-error.ts';
import type { SandboxLimits } from './limits.ts';
import type { CreateOptions, SandboxView } from './sandbox-views.ts';

const gibibyte = 1024 ** 3;
/** Of the wire: gibibytes, with a fraction where a limit of this host is none. */
const gibibytes = z.number().positive().max(1_000_000);

const createSchema = z.object({
  name: z.string().min(1).max(128).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  autoStopInterval: z.number().int().nonnegative().optional(),
  memory: gibibytes.optional(),
  disk: gibibytes.optional(),
  networkBlockAll: z.boolean().optional(),
  domainAllowList: z
    .string()
    .transform((list) => parseDomains(list))
    .refine((domains) => domains !== null)
    .optional(),
  // What this host cannot keep it must not promise.
  networkAllowList: z.literal('').optional(),
  gpu: z.literal(0).optional(),
});

/** Reads what `POST /sandbox` asks for. Throws HostError 400, and 403 in the service's words for what is too much. */
export function readCreateRequest(body: unknown, limits: SandboxLimits): CreateOptions {
  const parsed = createSchema.safeParse(body);
  if (!parsed.success) throw new HostError(400, 'INVALID_REQUEST', 'The sandbox is not described correctly.');
  const { name, labels, autoStopInterval, memory, disk, networkBlockAll, domainAllowList } = parsed.data;
  refuseAbove('Memory', memory, limits.memoryBytes);
  refuseAbove('Disk', disk, limits.diskBytes);
  return {
    name: name ?? null,
    labels: labels ?? {},
    autoStopMinutes: autoStopInterval ?? null,
    memoryBytes: memory === undefined ? null : Math.floor(memory * gibibyte),
    diskBytes: disk === undefined ? null : Math.floor(disk * gibibyte),
    isNetworkBlocked: networkBlockAll ?? false,
    // The service takes an empty list for none.
    allowedDomains: domainAllowList?.length ? domainAllowList : null,
  };
}

function refuseAbove(what: string, asked: number | undefined, allowedBytes: number): void {
  const allowed = allowedBytes / gibibyte;
  if (asked === undefined || asked <= allowed) return;
  throw new HostError(
    403,
    'LIMIT_EXCEEDED',
    `${what} request ${asked}GB exceeds maximum allowed per sandbox (${allowed}GB).`,
  );
}

/** The sandbox as the Daytona API describes one. Processors are shared by all. */
export function describeSandbox(
  { record, state, lastActivityAt, limits }: SandboxView,
  toolboxProxyUrl: string,
): Sandbox {
  return {
    id: record.id,
    name: record.name,
    organizationId: 'local',
    user: 'user',
    env: {},
    labels: record.labels,
    public: false,
    networkBlockAll: record.isNetworkBlocked,
    ...(record.allowedDomains === null ? {} : { domainAllowList: record.allowedDomains.join(',') }),
    target: 'local',
    cpu: availableParallelism(),
    gpu: 0,
    memory: limits.memoryBytes / gibibyte,
    disk: limits.diskBytes / gibibyte,
    state,
    desiredState: state,
    autoStopInterval: record.autoStopMinutes,
    createdAt: record.createdAt,
    updatedAt: record.createdAt,
    lastActivityAt: lastActivityAt.toISOString(),
    toolboxProxyUrl,
  };
}
