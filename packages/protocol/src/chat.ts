import { z } from 'zod';
import { clientTextSchema, onBusySchema } from './api.ts';
import { externalIdSchema } from './ids.ts';
import { cancelReceiptSchema, runLimitsSchema, runSchema } from './run.ts';

const messageIdSchema = clientTextSchema.min(1).max(1000);

/**
 * The body of `POST /v1/chat`: what useChat's transport sends, and what a transport's own `body` may add. Unknown fields
 * are ignored. Of `messages` only the last is read: history is the store's.
 */
export const chatRequestSchema = z.object({
  /** Id or externalId of a thread; an unknown one becomes a new thread's externalId. Absent: a new thread. */
  id: externalIdSchema.nullish(),
  messages: z.array(z.unknown()).min(1, 'There is no message.'),
  trigger: z.enum(['submit-message', 'regenerate-message']).default('submit-message'),
  /** The message that an edit replaces, or the answer that is to be given anew. */
  messageId: messageIdSchema.nullish(),
  projectId: z.uuid().nullish(),
  model: z.string().min(1).max(200).nullish(),
  limits: runLimitsSchema.nullish(),
  instructions: clientTextSchema.max(100_000).nullish(),
  onBusy: onBusySchema.nullish(),
});
export type ChatRequest = z.infer<typeof chatRequestSchema>;

/** The last message of the body, before it is known what of it is read. */
export const chatMessageSchema = z.object({
  id: messageIdSchema.nullish(),
  role: z.enum(['user', 'assistant'], "The last message is a user's or an assistant's."),
  parts: z.array(z.unknown()).max(1000),
});

/** What is read of a user's parts. A file's `url` is one of an upload, or a data url of at most 4 MB. */
export const chatPartSchema = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('text'), text: clientTextSchema }),
    z.object({
      type: z.literal('file'),
      url: z.string(),
      mediaType: clientTextSchema.max(200).nullish(),
      filename: clientTextSchema.max(1000).nullish(),
    }),
    // As messages show the files of a run.
    z.object({ type: z.literal('data-file'), data: z.object({ fileId: z.uuid() }) }),
  ],
  "Of a user's message text and files are read.",
);
export type ChatPart = z.infer<typeof chatPartSchema>;

/** A person's answer, as it stands in the part of the call that waits for it. */
export const approvalAnswerSchema = z.object({
  state: z.literal('approval-responded'),
  approval: z.object({
    id: clientTextSchema.min(1).max(200),
    approved: z.boolean(),
    reason: clientTextSchema.max(10_000).nullish(),
  }),
});

/** The answer of `POST /v1/chat/:threadId/stop`; both are null when the thread never had a run. */
export const stopResponseSchema = z.object({
  run: runSchema.nullable(),
  cancel: cancelReceiptSchema.nullable(),
});
export type StopResponse = z.infer<typeof stopResponseSchema>;
