import { z } from 'zod';
import { externalIdSchema } from './ids.ts';
import type { SwitchyardMessage } from './message.ts';
import { cancelReceiptSchema, type Run, runLimitsSchema, runSchema } from './run.ts';
import { storableJson } from './text.ts';

/** Largest JSON body that the API reads, in bytes. */
export const maxJsonBytes = 1024 * 1024;

/** Text from clients: NUL and lone surrogates cannot be stored and are refused, not repaired. */
export const clientTextSchema = z
  .string()
  .refine((text) => !text.includes('\u0000') && text.isWellFormed(), 'NUL and lone surrogates are not text.');

/** Free members of a thread: JSON, at most 16 KiB of it, without NUL and lone surrogates. */
const clientMetadataSchema = z
  .record(z.string(), z.json())
  .refine(
    (metadata) => JSON.stringify(storableJson(metadata)) === JSON.stringify(metadata),
    'NUL and lone surrogates are not text.',
  )
  .refine((metadata) => JSON.stringify(metadata).length <= 16_384, 'The metadata is larger than 16 KiB.');

export const textPartSchema = z.strictObject({ type: z.literal('text'), text: clientTextSchema });
/** `url` is one that `POST /v1/files` or an upload of this run gave. */
export const filePartSchema = z.strictObject({
  type: z.literal('file'),
  url: clientTextSchema,
  mediaType: clientTextSchema,
  filename: clientTextSchema.optional(),
});
export const inputPartSchema = z.discriminatedUnion('type', [textPartSchema, filePartSchema]);
export type InputPart = z.infer<typeof inputPartSchema>;

const hasContent = (parts: readonly InputPart[]) =>
  parts.some((part) => part.type === 'file' || part.text.trim() !== '');

/**
 * What becomes of a run whose thread has an active one: refused with 409 (default of `/v1/runs`), `pending` behind it
 * (default of `/v1/chat`), or `pending` while the active one is cancelled.
 */
export const onBusySchema = z.enum(['reject', 'queue', 'interrupt']);

/** The body of `POST /v1/runs`. With `ticket` the answer's `streamUrl` needs no `Authorization`. */
export const startRunRequestSchema = z.strictObject({
  input: z.union([
    clientTextSchema.refine((text) => text.trim() !== '', 'The input is empty.'),
    z.array(inputPartSchema).min(1).max(100).refine(hasContent, 'The input is empty.'),
  ]),
  threadId: externalIdSchema.optional(),
  projectId: z.uuid().optional(),
  model: z.string().min(1).max(200).optional(),
  limits: runLimitsSchema.optional(),
  instructions: clientTextSchema.max(100_000).optional(),
  onBusy: onBusySchema.optional(),
  stream: z.boolean().optional(),
  ticket: z.boolean().optional(),
});
export type StartRunRequest = z.infer<typeof startRunRequestSchema>;

const timestampSchema = z.iso.datetime({ offset: true });

export const threadSchema = z.object({
  id: z.string(),
  externalId: z.string().nullable(),
  projectId: z.string(),
  title: z.string().nullable(),
  archived: z.boolean(),
  activeRun: z.object({ id: z.string(), status: z.string() }).nullable(),
  needsInput: z.boolean(),
  lastMessageAt: timestampSchema.nullable(),
  metadata: z.record(z.string(), z.unknown()),
  createdAt: timestampSchema,
});
export type Thread = z.infer<typeof threadSchema>;

export const projectSchema = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: timestampSchema,
});
export type Project = z.infer<typeof projectSchema>;
/** A project with what each of its runs is told; null when there is nothing. */
export const instructedProjectSchema = projectSchema.extend({ instructions: z.string().nullable() });
export type InstructedProject = z.infer<typeof instructedProjectSchema>;

export const startRunResponseSchema = z.object({
  run: runSchema,
  thread: threadSchema,
  project: projectSchema,
  streamUrl: z.url(),
  /** Only when the request asked for one. */
  ticket: z.string().optional(),
  expiresAt: timestampSchema.nullable().optional(),
});
export type StartRunResponse = z.infer<typeof startRunResponseSchema>;

/**
 * The answer of `POST /v1/runs/:id/tickets`: whoever has the ticket reads this run's stream, and nothing else.
 * `streamUrl` carries it. It expires a grace time after the run's end; null while that is not known.
 */
export const ticketResponseSchema = z.object({
  ticket: z.string(),
  streamUrl: z.url(),
  expiresAt: timestampSchema.nullable(),
});
export type TicketResponse = z.infer<typeof ticketResponseSchema>;

export const cancelResponseSchema = z.object({ run: runSchema, cancel: cancelReceiptSchema.nullable() });
export type CancelResponse = z.infer<typeof cancelResponseSchema>;

/** `queue` is null unless the run waits; `position` counts from 1 and is null while it is not known. */
export const runResponseSchema = z.object({
  run: runSchema,
  queue: z.object({ position: z.int().nullable() }).nullable(),
});
export type RunResponse = z.infer<typeof runResponseSchema>;

/** Newest first. */
export const runsResponseSchema = z.object({ runs: z.array(runSchema) });
export type RunsResponse = z.infer<typeof runsResponseSchema>;

/** The body of `POST /v1/threads`. */
export const createThreadRequestSchema = z.strictObject({
  externalId: externalIdSchema.optional(),
  projectId: z.uuid().optional(),
  title: clientTextSchema.max(500).optional(),
  metadata: clientMetadataSchema.optional(),
});
export type CreateThreadRequest = z.infer<typeof createThreadRequestSchema>;
/** The body of `PATCH /v1/threads/:threadId`: what is absent stays; a title of null takes it away. */
export const updateThreadRequestSchema = z.strictObject({
  title: clientTextSchema.max(500).nullable().optional(),
  archived: z.boolean().optional(),
  metadata: clientMetadataSchema.optional(),
});
export type UpdateThreadRequest = z.infer<typeof updateThreadRequestSchema>;
export const threadResponseSchema = z.object({ thread: threadSchema });
export type ThreadResponse = z.infer<typeof threadResponseSchema>;
/** Last used first; `nextBefore` is the cursor for the next page, null on the last. */
export const threadsResponseSchema = z.object({
  threads: z.array(threadSchema),
  nextBefore: z.string().nullable(),
});
export type ThreadsResponse = z.infer<typeof threadsResponseSchema>;

const projectNameSchema = clientTextSchema
  .max(200)
  .refine((text) => text.trim() !== '', 'The name is empty.');

/** What every run of a project is told, behind our own prompt. Five pages: it is read at each step. */
const projectInstructionsSchema = clientTextSchema.max(20_000);

/** The body of `POST /v1/projects`. */
export const createProjectRequestSchema = z.strictObject({
  name: projectNameSchema.optional(),
  instructions: projectInstructionsSchema.optional(),
});
export type CreateProjectRequest = z.infer<typeof createProjectRequestSchema>;
/** The body of `PATCH /v1/projects/:id`: what is absent stays; instructions of null are taken away. */
export const updateProjectRequestSchema = z.strictObject({
  name: projectNameSchema.optional(),
  instructions: projectInstructionsSchema.nullable().optional(),
});
export type UpdateProjectRequest = z.infer<typeof updateProjectRequestSchema>;
export const projectResponseSchema = z.object({ project: instructedProjectSchema });
export type ProjectResponse = z.infer<typeof projectResponseSchema>;
export const projectsResponseSchema = z.object({
  projects: z.array(projectSchema),
  nextBefore: z.string().nullable(),
});
export type ProjectsResponse = z.infer<typeof projectsResponseSchema>;

/** The models that runs may name, the default one first. */
export const modelsResponseSchema = z.object({
  models: z.array(
    z.object({
      id: z.string(),
      aliases: z.array(z.string()),
      provider: z.string(),
      contextWindow: z.int(),
      maxOutputTokens: z.int(),
      price: z
        .object({
          input: z.number(),
          cachedInput: z.number(),
          cacheWrite: z.number().optional(),
          output: z.number(),
        })
        .nullable(),
      supportsImages: z.boolean(),
      isDefault: z.boolean(),
    }),
  ),
});
export type ModelsResponse = z.infer<typeof modelsResponseSchema>;

/** Who asks; `userId` is null for an API key, `apiKeyId` for a signed-in user. */
export const meResponseSchema = z.object({
  accountId: z.string(),
  userId: z.string().nullable(),
  apiKeyId: z.string().nullable(),
});
export type MeResponse = z.infer<typeof meResponseSchema>;

/** Oldest first; `nextBefore` is the cursor for the page of older messages, null at the beginning. */
export const messagesResponseSchema = z.object({
  messages: z.array(
    z.object({
      id: z.string(),
      role: z.enum(['user', 'assistant']),
      metadata: z.unknown().optional(),
      parts: z.array(z.looseObject({ type: z.string() })),
    }),
  ),
  nextBefore: z.string().nullable(),
  activeRun: runSchema.nullable(),
});
/** The same as the AI SDK types it. */
export interface MessagesResponse {
  readonly messages: SwitchyardMessage[];
  readonly nextBefore: string | null;
  readonly activeRun: Run | null;
}

/** Where people sign in; `publishableKey` is null when the operator has not given one. */
export const configResponseSchema = z.object({ supabaseUrl: z.url(), publishableKey: z.string().nullable() });
export type ConfigResponse = z.infer<typeof configResponseSchema>;

/** RFC 9457; `code` is stable, `detail` is fit for end users, `errors` point into the body (RFC 6901). */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  /** Of `run_active`: the run that is at work. */
  runId: z.string().optional(),
  requestId: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;
