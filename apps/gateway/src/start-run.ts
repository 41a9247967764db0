import { createHash } from 'node:crypto';
import { AppError, type FileId, type InputPart, type StartRunRequest } from '@switchyard/protocol';
import {
  type Actor,
  createFile,
  inTransaction,
  readProject,
  readThread,
  type StartedRun,
  startRun as storeRun,
  type StartRunOptions,
} from '@switchyard/store';
import { announceStart } from './announce.ts';
import type { Gateway } from './gateway.ts';
import { limits } from './limits.ts';
import { limitsOf, modelOf, uploadUrlOf } from './run-options.ts';
import type { Upload } from './store-uploads.ts';
import { type Fault, invalid } from './validate.ts';

/** A request to start a run, read from JSON or from multipart. */
export interface RunRequest {
  readonly body: StartRunRequest;
  readonly uploads: readonly Upload[];
  readonly idempotencyKey: string | undefined;
}

/**
 * Starts a run: checks what the schema cannot, puts uploads into storage, stores files, message and run in one
 * transaction, and asks the queue for a worker. A queue that does not answer after the commit is no failure: the sweep
 * finds the run.
 */
export async function startRun(
  gateway: Pick<Gateway, 'sql' | 'queue' | 'control' | 'feeds' | 'storeUploads' | 'config' | 'logger'>,
  actor: Actor,
  { body, uploads, idempotencyKey }: RunRequest,
): Promise<StartedRun> {
  const { sql } = gateway;
  const wanted: StartRunOptions = {
    idempotencyKey,
    requestHash: hashOf(body, uploads),
    threadId: body.threadId,
    projectId: body.projectId,
    model: modelOf(gateway.config.models, body.model),
    limits: limitsOf(gateway.config.runLimits, body.limits),
    instructions: body.instructions,
    onBusy: body.onBusy,
    message: { parts: partsOf(body.input) },
  };
  const started =
    uploads.length === 0
      ? await storeRun(sql, actor, wanted)
      : await startWithUploads(gateway, actor, { wanted, uploads });
  await announceStart(gateway, started);
  return started;
}

function partsOf(input: StartRunRequest['input']): readonly InputPart[] {
  if (typeof input === 'string') return [{ type: 'text', text: input }];
  const faults: Fault[] = [];
  const parts = input.map((part, index): InputPart => {
    if (part.type !== 'file') return part;
    const url = uploadUrlOf(part.url);
    if (url === null) {
      faults.push({ pointer: `/input/${index}/url`, detail: 'Not the url of an uploaded file.' });
    }
    return { ...part, url: url ?? '' };
  });
  if (faults.length > 0) throw invalid(faults);
  return parts;
}

/** A run that is refused leaves no file behind; one that was started before already has its own. */
async function startWithUploads(
  { sql, storeUploads }: Pick<Gateway, 'sql' | 'storeUploads'>,
  actor: Actor,
  { wanted, uploads }: { readonly wanted: StartRunOptions; readonly uploads: readonly Upload[] },
): Promise<StartedRun> {
  // The usual refusals before any byte is stored: whose thread it is, and whether it is busy.
  const thread = wanted.threadId === undefined ? null : await readThread(sql, actor, wanted.threadId);
  const isRefused = (wanted.onBusy ?? 'reject') === 'reject' && wanted.idempotencyKey === undefined;
  if (thread?.activeRun && isRefused) {
    throw new AppError('run_active', 'The thread has an active run.', {
      details: { runId: thread.activeRun.id },
    });
  }
  if (wanted.projectId !== undefined) await readProject(sql, actor, wanted.projectId);
  const stored = await storeUploads(actor, uploads);
  return await inTransaction(
    sql,
    async (transaction) => {
      const files: FileId[] = [];
      for (const file of stored) files.push((await createFile(transaction, actor, file)).id as FileId);
      return await storeRun(transaction, actor, { ...wanted, files });
    },
    { isKept: (started) => !started.isReplay },
  );
}

/** The same body has the same hash, whatever the order of its members. */
function hashOf(body: StartRunRequest, uploads: readonly Upload[]): string {
  const hash = createHash('sha256').update(JSON.stringify(sortMembers(body)));
  for (const { name, mediaType, bytes } of uploads) {
    hash.update(JSON.stringify([name, mediaType, bytes.length])).update(bytes);
  }
  return hash.digest('hex');
}

function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sortMembers(member)]),
  );
}

/** The header's value, or undefined. Throws AppError `invalid_request` for one that cannot be a key. */
export function idempotencyKeyOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (header.length <= limits.idempotencyKeyLength && /^[\x21-\x7e]+$/.test(header)) return header;
  throw new AppError(
    'invalid_request',
    `Idempotency-Key takes 1 to ${limits.idempotencyKeyLength} printable ASCII characters without spaces.`,
  );
}
