import { AppError, type ErrorCode } from '@switchyard/protocol';
import postgres from 'postgres';

/** A worker verb found that its run is no longer this epoch's to change. Nothing was written. */
export class RunLostError extends Error {
  readonly runId: string;
  readonly epoch: number;

  constructor(run: { readonly runId: string; readonly epoch: number }, cause?: unknown) {
    super(`run ${run.runId} is not running under epoch ${run.epoch}`, { cause });
    this.name = 'RunLostError';
    this.runId = run.runId;
    this.epoch = run.epoch;
  }
}

/** The error classes that our SQL raises (migration `access`), but SY001, which only worker verbs know. */
const codeOfSqlState: Readonly<Record<string, ErrorCode>> = {
  SY400: 'invalid_request',
  SY403: 'forbidden',
  SY404: 'not_found',
  SY409: 'conflict',
  SY410: 'run_active',
  SY422: 'idempotency_mismatch',
};

/** Text that Postgres cannot hold: NUL in text (22021) and in jsonb (22P05). */
const unstorableText = new Set(['22021', '22P05']);

/** A row names another that a deletion took away after it had been found. */
const foreignKeyViolation = '23503';

/** What is worth another try: connection faults by postgres.js's and Node's names, and the server's own classes. */
const unavailable =
  /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENOENT|08|53|57P0|57014|40001|40P01)/;

/** The error as the callers of this package know it; an unexpected one comes back as it is. */
export function translateError(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (error instanceof postgres.PostgresError) {
    const known = codeOfSqlState[code];
    if (known === 'run_active') {
      return new AppError(known, error.message, { cause: error, details: { runId: error.detail } });
    }
    if (known) return new AppError(known, error.message, { cause: error });
    if (error.constraint_name === 'parts_call') {
      return new AppError('conflict', 'A tool call of this run has the same id.', { cause: error });
    }
    if (code === foreignKeyViolation) {
      return new AppError('not_found', 'What this belongs to was deleted meanwhile.', { cause: error });
    }
    if (unstorableText.has(code)) {
      return new AppError('invalid_request', 'A text holds a NUL character.', { cause: error });
    }
  }
  if (unavailable.test(code)) {
    return new AppError('unavailable', 'The database does not answer. Try again soon.', { cause: error });
  }
  return error;
}
