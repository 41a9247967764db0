import type { Database } from './database.ts';
import { translateError } from './errors.ts';

/** Carries a result out of a transaction that is undone. */
class UndoneError extends Error {
  override readonly name = 'UndoneError';
}

/**
 * Runs several verbs as one transaction: what they did stands together or not at all. It is undone when `action`
 * throws, and also when `isKept` says of its result that nothing need stay.
 */
export async function inTransaction<Result>(
  sql: Database,
  action: (transaction: Database) => Promise<Result>,
  { isKept = () => true }: { readonly isKept?: (result: Result) => boolean } = {},
): Promise<Result> {
  const outcome: { result?: Result } = {};
  try {
    await sql.begin(async (transaction) => {
      // A verb is one query; what a transaction lacks of `Database` (begin, end, listen) no verb uses.
      const result = await action(transaction as unknown as Database);
      outcome.result = result;
      if (!isKept(result)) throw new UndoneError();
    });
  } catch (error) {
    if (!(error instanceof UndoneError)) throw translateError(error);
  }
  return outcome.result as Result;
}
