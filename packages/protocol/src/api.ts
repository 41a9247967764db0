import { z } from 'zod';
import { externalIdSchema } from './ids.ts';
import { cancelReceiptSchema, runLimitsSchema, runSchema } from './run.ts';

/** Largest JSON body that the API reads, in bytes. */
export const maxJsonBytes = 1024 * 1024;

/** Text from clients: NUL and lone surrogates cannot be stored and are refused, not repaired. */
export const clientTextSchema = z
  .string()
  .refine((text) => !text.includes('\u0000') && text.isWellFormed(), 'NUL and lone surrogates are not text.');

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

/** The body of `POST /v1/runs`. */
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
  onBusy: z.enum(['reject']).optional(),
  stream: z.boolean().optional(),
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

export const startRunResponseSchema = z.object({
  run: runSchema,
  thread: threadSchema,
  project: projectSchema,
  streamUrl: z.url(),
});
export type StartRunResponse = z.infer<typeof startRunResponseSchema>;

export const cancelResponseSchema = z.object({ run: runSchema, cancel: cancelReceiptSchema.nullable() });
export type CancelResponse = z.infer<typeof cancelResponseSchema>;

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

/** RFC 9457; `code` is stable, `detail` is fit for end users, `errors` point into the body (RFC 6901). */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  requestId: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;
