import { clientTextSchema } from '@switchyard/protocol';
import { z } from 'zod';
import { limits } from './limits.ts';

/** `?before=&limit=` of every list. */
export const pageSchema = z.object({
  before: z
    .string()
    .max(200)
    .regex(/^[\x21-\x7e]+$/, 'Not a cursor.')
    .optional()
    .describe('The `nextBefore` of the page that is already there.'),
  limit: z.coerce.number().int().min(1).max(limits.page.max).default(limits.page.default),
});

/** The query of `GET /v1/threads`. */
export const threadsQuerySchema = pageSchema.extend({
  search: clientTextSchema
    .max(limits.searchLength)
    .transform((text) => text.trim() || undefined)
    .optional()
    .describe(
      'Finds it in titles and in the texts of the newest 500 messages, without regard to case. A page may then be short or empty and still have a `nextBefore`: go on with it.',
    ),
  archived: z
    .stringbool({ truthy: ['true'], falsy: ['false'] })
    .default(false)
    .describe('`true` lists the archived threads alone, `false` the others.'),
});

/** The query of `GET /v1/runs/:id`. */
export const waitSchema = z.object({
  waitMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(limits.waitMs)
    .default(0)
    .describe('The answer comes when the run has ended, or after this time.'),
});

/** What `GET /v1/runs/:id/stream` takes beside a cursor and a ticket. */
export const viewSchema = z.object({
  until: z
    .literal('wait')
    .optional()
    .describe('Ends the stream, with `finish` and `[DONE]`, where the run waits for a person.'),
});

/** The path of `GET /v1/projects/:id/ports/:port`. */
export const portSchema = z.object({ port: z.coerce.number().int().min(1).max(65_535) });
