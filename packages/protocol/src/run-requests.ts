import { z } from 'zod';
import { clientTextSchema } from './api.ts';
import { runSchema } from './run.ts';

/** The body of `POST /v1/runs/:id/approvals/:approvalId`: a person's answer to a call that waits for consent. */
export const approvalRequestSchema = z.strictObject({
  approved: z.boolean(),
  reason: clientTextSchema.max(10_000).optional(),
});
export type ApprovalRequest = z.infer<typeof approvalRequestSchema>;

/** The run as it stands after the answer: it goes on once every call that waits has one. */
export const approvalResponseSchema = z.object({ run: runSchema });
export type ApprovalResponse = z.infer<typeof approvalResponseSchema>;

/** The body of `POST /v1/runs/:id/messages`: a correction for a run that goes on. */
export const steeringRequestSchema = z.strictObject({
  text: clientTextSchema.max(100_000).refine((text) => text.trim() !== '', 'The text is empty.'),
});
export type SteeringRequest = z.infer<typeof steeringRequestSchema>;

/** `next-step`: the run itself reads it. `new-run`: it came too late, and `run` is the one that reads it. */
export const steeringResponseSchema = z.object({
  outcome: z.enum(['next-step', 'new-run']),
  run: runSchema,
});
export type SteeringResponse = z.infer<typeof steeringResponseSchema>;
