import { z } from 'zod';
import { limits } from './limits.ts';

/** `?before=&limit=` of every list: the cursor is the `nextBefore` of the page that is already there. */
export const pageSchema = z.object({
  before: z
    .string()
    .max(200)
    .regex(/^[\x21-\x7e]+$/, 'Not a cursor.')
    .optional(),
  limit: z.coerce.number().int().min(1).max(limits.page.max).default(limits.page.default),
});
