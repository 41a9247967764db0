import { createHash } from 'node:crypto';
import {
  AppError,
  type FileId,
  findModel,
  type InputPart,
  type RunLimits,
  type StartRunRequest,
} from '@switchyard/protocol';
import {
  type Actor,
  createFile,
  inTransaction,
  type RunnableRun,
  readProject,
  readThread,
  type StartedRun,
  startRun as storeRun,
  type StartRunOptions,
} from '@switchyard/store';
import type { Gateway } from './gateway.ts';
import { defaultRunLimits, limits, runLimitCaps } from './limits.ts';
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
  gateway: Pick<Gateway, 'sql' | 'queue' | 'storeUploads' | 'config' | 'logger'>,
  actor: Actor,
  { body, uploads, idempotencyKey }: RunRequest,
): Promise<StartedRun> {
  const { sql } = gateway;
  const parts: readonly InputPart[] =
    typeof body.input === 'string' ? [{ type: 'text', text: body.input }] : body.input;
  checkFileUrls(parts);
  const wanted: StartRunOptions = {
    idempotencyKey,
    requestHash: hashOf(body, uploads),
    threadId: body.threadId,
    projectId: body.projectId,
    model: modelOf(gateway.config.models, body.model),
    limits: limitsOf(body.limits),
    instructions: body.instructions,
    message: { parts },
  };
  const started =
    uploads.length === 0
      ? await storeRun(sql, actor, wanted)
      : await startWithUploads(gateway, actor, { wanted, uploads });
  const { run, wakeup, priority } = started;
  if (run.status === 'queued') await addToQueue(gateway, { runId: run.id, wakeup, priority });
  return started;
}

/** A run that is refused leaves no file behind; one that was started before already has its own. */
async function startWithUploads(
  { sql, storeUploads }: Pick<Gateway, 'sql' | 'storeUploads'>,
  actor: Actor,
  { wanted, uploads }: { readonly wanted: StartRunOptions; readonly uploads: readonly Upload[] },
): Promise<StartedRun> {
  // The usual refusals before any byte is stored: whose thread it is, and whether it is busy.
  const thread = wanted.threadId === undefined ? null : await readThread(sql, actor, wanted.threadId);
  if (thread?.activeRun && wanted.idempotencyKey === undefined) {
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

/** Asks the queue for a worker. Never rejects: what it did not take, the sweep will add. */
export async function addToQueue(
  { queue, logger }: Pick<Gateway, 'queue' | 'logger'>,
  { runId, wakeup, priority }: RunnableRun,
): Promise<void> {
  try {
    await queue.add({ runId, wakeup, priority });
  } catch (error) {
    logger.warn({ error, runId, wakeup }, 'the queue did not take a run; the sweep will add it');
  }
}

function modelOf(models: Gateway['config']['models'], name: string | undefined): string {
  const entry = name === undefined ? models[0] : findModel(models, name);
  if (entry) return entry.id;
  const known = models.map(({ id }) => id).join(', ');
  throw new AppError(
    'unknown_model',
    known === '' ? 'No model is configured.' : `This model is not in the catalog, which has: ${known}.`,
    { details: { errors: [{ pointer: '/model', detail: 'Unknown model.' }] } },
  );
}

/** A file part names an uploaded file by the url that its upload answered; whose it is, the store knows. */
function checkFileUrls(parts: readonly InputPart[]): void {
  const faults = parts.flatMap((part, index) =>
    part.type === 'file' && !/\/v1\/files\/[0-9a-f-]{36}$/i.test(part.url)
      ? [{ pointer: `/input/${index}/url`, detail: 'Not the url of an uploaded file.' }]
      : [],
  );
  if (faults.length > 0) throw invalid(faults);
}

function limitsOf(wanted: RunLimits = {}): RunLimits {
  const faults: Fault[] = [];
  for (const name of ['maxSteps', 'maxDurationMs', 'maxTokens', 'maxCostUsd'] as const) {
    if ((wanted[name] ?? 0) > runLimitCaps[name]) {
      faults.push({ pointer: `/limits/${name}`, detail: `At most ${runLimitCaps[name]}.` });
    }
  }
  if (faults.length > 0) throw invalid(faults);
  return { ...defaultRunLimits, ...wanted };
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
