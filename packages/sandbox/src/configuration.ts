import { z } from 'zod';
import type { SandboxServiceOptions, SandboxSource } from './sandbox-service.ts';

const minutes = z.coerce.number().int().min(0);
const resource = z.coerce.number().int().min(1).optional();
const label = /^([A-Za-z0-9][A-Za-z0-9_./-]{0,62})=([A-Za-z0-9_./-]{0,63})$/;

/** `name=value,name=value`; null when it is none. */
function parseLabels(text: string): Record<string, string> | null {
  const pairs = text.split(',').map((pair) => label.exec(pair.trim()));
  const parsed = pairs.flatMap((pair) => (pair ? [[pair[1] ?? '', pair[2] ?? ''] as const] : []));
  return parsed.length === pairs.length ? Object.fromEntries(parsed) : null;
}

/** The variables that say how sandboxes are made and kept: a part of the schema of each app that opens them. */
export const sandboxVariables = {
  DAYTONA_API_URL: z
    .url()
    .optional()
    .describe('Sandboxes; unset: there are none, and who needs one is told so.'),
  DAYTONA_API_KEY: z.string().optional(),
  DAYTONA_TARGET: z.string().optional().describe('Region of the sandboxes, where there are several.'),
  DAYTONA_SNAPSHOT: z
    .string()
    .optional()
    .describe("What new sandboxes are made from; unset: the image, else the service's own."),
  DAYTONA_IMAGE: z
    .string()
    .optional()
    .describe(
      'The same, as an image that the service builds when it first sees it; what it needs stands in docker/sandbox.Dockerfile.',
    ),
  DAYTONA_CPU: resource.describe('Cores of a sandbox made from an image; a snapshot has its own.'),
  DAYTONA_MEMORY_GB: resource,
  DAYTONA_DISK_GB: resource,
  DAYTONA_LABELS: z
    .string()
    .transform((text) => parseLabels(text))
    .refine((labels) => labels !== null, 'not a list of name=value')
    .optional()
    .describe('Labels of new sandboxes besides the project: name=value, separated by commas.'),
  DAYTONA_AUTO_STOP_MINUTES: minutes
    .default(30)
    .describe('A sandbox that nobody used for so long is stopped by the service; 0: never.'),
  DAYTONA_AUTO_ARCHIVE_MINUTES: minutes
    .default(10_080)
    .describe('One that was stopped for so long is archived by the service, where it does that.'),
  SANDBOXES_PER_ACCOUNT: z.coerce
    .number()
    .int()
    .min(1)
    .default(20)
    .describe('Sandboxes that may run at the same time; beyond that the longest unused one is put to rest.'),
} as const;

type SandboxValues = z.infer<z.ZodObject<typeof sandboxVariables>>;

/** What variables say together that each may say alone; told to `fault` with the variable that is at fault. */
export function checkSandboxValues(
  values: SandboxValues,
  fault: (variable: keyof SandboxValues, message: string) => void,
): void {
  const { DAYTONA_SNAPSHOT: snapshot, DAYTONA_IMAGE: image } = values;
  if (snapshot !== undefined && image !== undefined) {
    fault('DAYTONA_IMAGE', 'not together with DAYTONA_SNAPSHOT: a sandbox is made from one of them');
  }
  for (const name of ['DAYTONA_CPU', 'DAYTONA_MEMORY_GB', 'DAYTONA_DISK_GB'] as const) {
    if (values[name] !== undefined && image === undefined) {
      fault(name, 'only together with DAYTONA_IMAGE: a snapshot has resources of its own');
    }
  }
}

/** What `createSandboxes` is to be told; null when no service is set up. */
export function sandboxOptionsOf(values: SandboxValues): SandboxServiceOptions | null {
  const { DAYTONA_API_URL: apiUrl, DAYTONA_API_KEY: apiKey, DAYTONA_TARGET: target } = values;
  if (!apiUrl || !apiKey) return null;
  const source = sourceOf(values);
  return {
    apiUrl,
    apiKey,
    ...(target === undefined ? {} : { target }),
    ...(source === null ? {} : { source }),
    labels: values.DAYTONA_LABELS ?? {},
    autoStopMinutes: values.DAYTONA_AUTO_STOP_MINUTES,
    autoArchiveMinutes: values.DAYTONA_AUTO_ARCHIVE_MINUTES,
  };
}

function sourceOf(values: SandboxValues): SandboxSource | null {
  const { DAYTONA_SNAPSHOT: snapshot, DAYTONA_IMAGE: image } = values;
  if (snapshot !== undefined) return { kind: 'snapshot', name: snapshot };
  if (image === undefined) return null;
  const { DAYTONA_CPU: cpu, DAYTONA_MEMORY_GB: memoryGb, DAYTONA_DISK_GB: diskGb } = values;
  return {
    kind: 'image',
    name: image,
    ...(cpu === undefined ? {} : { cpu }),
    ...(memoryGb === undefined ? {} : { memoryGb }),
    ...(diskGb === undefined ? {} : { diskGb }),
  };
}
