import { v7 } from 'uuid';
import { z } from 'zod';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type AccountId = Branded<'AccountId'>;
export type UserId = Branded<'UserId'>;
export type ProjectId = Branded<'ProjectId'>;
export type ThreadId = Branded<'ThreadId'>;
export type RunId = Branded<'RunId'>;
export type FileId = Branded<'FileId'>;

/** Makes a UUIDv7: ids sort by the time at which they were made (RFC 9562). */
export function newId<Id extends string = string>(): Id {
  return v7() as Id;
}

/** A UUID of any version; ours are v7, Supabase's user ids are v4. */
export function idSchema<Id extends string>() {
  return z.uuid().transform((value) => value as Id);
}

/** A client's own name for a thread: 1-128 of `A-Za-z0-9_-`, unique in its account. */
export const externalIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/);
