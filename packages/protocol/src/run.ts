import { z } from 'zod';

/** `pending` waits for its thread or the account's cap, `queued` for a worker. */
export const runStatusSchema = z.enum([
  'pending',
  'queued',
  'running',
  'awaiting-approval',
  'completed',
  'failed',
  'cancelled',
]);
export type RunStatus = z.infer<typeof runStatusSchema>;

/** Why a run ended; the status follows from it, see `statusOfReason`. */
export const runReasonSchema = z.enum([
  'finished',
  'asked',
  'answered',
  'cancelled',
  'step-limit',
  'time-limit',
  'budget',
  'stuck',
  'model-error',
  'context-overflow',
  'content-filter',
  'sandbox-error',
  'crash-loop',
  'approval-expired',
  'internal',
]);
export type RunReason = z.infer<typeof runReasonSchema>;
export type EndedStatus = 'completed' | 'failed' | 'cancelled';

/**
 * Which status may follow which. The same table stands in SQL (a trigger on `runs`); a test compares the two.
 * `queued` → `queued` and `running` → `running` are new wakeups and new claims of the same run.
 */
export const runTransitions: Readonly<Record<RunStatus, readonly RunStatus[]>> = {
  pending: ['queued', 'cancelled', 'failed'],
  queued: ['queued', 'running', 'cancelled', 'failed'],
  running: ['running', 'queued', 'awaiting-approval', 'completed', 'failed', 'cancelled'],
  'awaiting-approval': ['queued', 'cancelled', 'failed'],
  completed: [],
  failed: [],
  cancelled: [],
};

/** True for a status that never changes again. */
export function isEnded(status: RunStatus): status is EndedStatus {
  return runTransitions[status].length === 0;
}

/** A failure is never stored or streamed as `completed`. */
export function statusOfReason(reason: RunReason): EndedStatus {
  switch (reason) {
    case 'finished':
    case 'asked':
    case 'answered':
      return 'completed';
    case 'cancelled':
      return 'cancelled';
    case 'step-limit':
    case 'time-limit':
    case 'budget':
    case 'stuck':
    case 'model-error':
    case 'context-overflow':
    case 'content-filter':
    case 'sandbox-error':
    case 'crash-loop':
    case 'approval-expired':
    case 'internal':
      return 'failed';
  }
}

/** Tokens as the model's provider counted them; `estimated` when a part of them is our own guess. */
export const usageSchema = z.object({
  inputTokens: z.int().nonnegative(),
  cachedInputTokens: z.int().nonnegative(),
  outputTokens: z.int().nonnegative(),
  totalTokens: z.int().nonnegative(),
  estimated: z.boolean(),
});
export type Usage = z.infer<typeof usageSchema>;

export const noUsage: Usage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  totalTokens: 0,
  estimated: false,
};

/** What one run may spend; a value above the operator's cap is refused with 400. */
export const runLimitsSchema = z.strictObject({
  maxSteps: z.int().min(1).max(1000).optional(),
  maxDurationMs: z.int().min(1000).optional(),
  maxTokens: z.int().min(1).optional(),
  maxCostUsd: z.number().positive().optional(),
});
export type RunLimits = z.infer<typeof runLimitsSchema>;

const timestampSchema = z.iso.datetime({ offset: true });

/** What `POST …/cancel` answers and `GET /v1/runs/:id` completes: when the stop reached each part of the run. */
export const cancelReceiptSchema = z.object({
  acceptedAt: timestampSchema,
  modelAbortedAt: timestampSchema.nullable(),
  toolKilledAt: timestampSchema.nullable(),
});
export type CancelReceipt = z.infer<typeof cancelReceiptSchema>;

/** One task, as the API shows it. Times are ISO 8601 in UTC; `costUsd` is null when the model's price is not known. */
export const runSchema = z.object({
  id: z.string(),
  threadId: z.string(),
  projectId: z.string(),
  messageId: z.string(),
  status: runStatusSchema,
  reason: runReasonSchema.nullable(),
  model: z.string(),
  limits: runLimitsSchema,
  usage: usageSchema,
  costUsd: z.number().nullable(),
  steps: z.int(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
  lastEventId: z.string().nullable(),
  cancel: cancelReceiptSchema.nullable(),
  createdAt: timestampSchema,
  startedAt: timestampSchema.nullable(),
  endedAt: timestampSchema.nullable(),
});
export type Run = z.infer<typeof runSchema>;
