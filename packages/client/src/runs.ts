import type {
  ApprovalRequest,
  ApprovalResponse,
  CancelResponse,
  RunResponse,
  StartRunRequest,
  StartRunResponse,
  SteeringResponse,
  SwitchyardMessage,
  TicketResponse,
} from '@switchyard/protocol';
import { followMessage, followRun } from './follow-run.ts';
import type { FollowOptions, OpenStream } from './follow-stream.ts';
import { apiPath, queryOf, requestJson, type SendRequest } from './request.ts';
import type { FollowedEvent } from './stream-place.ts';
import { blobOf, type Upload } from './upload.ts';

export interface StartRunOptions {
  readonly files?: readonly Upload[];
  /** The same key with the same body starts one run, however often it is sent. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** What a client does with runs. */
export interface RunMethods {
  /**
   * Starts a run; with `ticket` the answer's `streamUrl` can be given to an EventSource. A thread that has an active run
   * refuses (`run_active`) unless `onBusy` says otherwise.
   */
  startRun(request: Omit<StartRunRequest, 'stream'>, options?: StartRunOptions): Promise<StartRunResponse>;
  /** With `waitMs` (at most 60,000) the answer comes when the run has ended, or after that time. */
  getRun(
    runId: string,
    options?: { readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<RunResponse>;
  /** The run's events from its beginning or a cursor to its end, over as many connections as it takes. */
  followRun(runId: string, options?: FollowOptions): AsyncIterable<FollowedEvent>;
  /** The same as a message that grows; how the run ended is in its metadata. */
  followMessage(runId: string, options?: Omit<FollowOptions, 'after'>): AsyncIterable<SwitchyardMessage>;
  /** Stops the run; repeating it is harmless, and a run that has ended stays as it is. */
  cancel(runId: string): Promise<CancelResponse>;
  /** Answers a call that waits for consent; repeating the same answer is harmless. */
  approve(runId: string, approvalId: string, answer: ApprovalRequest): Promise<ApprovalResponse>;
  /** Gives the run a correction for its next step; one that comes too late starts a new run. */
  steer(runId: string, text: string): Promise<SteeringResponse>;
  /** A ticket with which anybody may read this run's stream, and nothing else. */
  createTicket(runId: string): Promise<TicketResponse>;
  /** Makes all tickets of the run worthless; streams that are open stay open. */
  revokeTickets(runId: string): Promise<void>;
}

/** Opens the stream of a run, as followers ask for it. */
export function openStreamOf(send: SendRequest, runId: string): OpenStream {
  return (cursor, signal) =>
    send(apiPath`/v1/runs/${runId}/stream`, {
      headers: cursor === null ? {} : { 'last-event-id': cursor },
      signal,
    });
}

export function createRunMethods(send: SendRequest): RunMethods {
  return {
    startRun: (request, { files = [], idempotencyKey, signal } = {}) =>
      requestJson(send, '/v1/runs', {
        method: 'POST',
        headers: idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
        body: files.length === 0 ? request : formOf(request, files),
        signal,
      }),
    getRun: async (runId, { waitMs, signal } = {}) =>
      requestJson(send, `${apiPath`/v1/runs/${runId}`}${queryOf({ waitMs })}`, { signal }),
    followRun: (runId, options = {}) => followRun(openStreamOf(send, runId), options),
    followMessage: (runId, options = {}) => followMessage(openStreamOf(send, runId), options),
    cancel: async (runId) => requestJson(send, apiPath`/v1/runs/${runId}/cancel`, { method: 'POST' }),
    approve: async (runId, approvalId, answer) =>
      requestJson(send, apiPath`/v1/runs/${runId}/approvals/${approvalId}`, { method: 'POST', body: answer }),
    steer: async (runId, text) =>
      requestJson(send, apiPath`/v1/runs/${runId}/messages`, { method: 'POST', body: { text } }),
    createTicket: async (runId) => requestJson(send, apiPath`/v1/runs/${runId}/tickets`, { method: 'POST' }),
    revokeTickets: async (runId) =>
      requestJson(send, apiPath`/v1/runs/${runId}/tickets`, { method: 'DELETE' }),
  };
}

/** Multipart as the API takes it: `input` as text, every other field as JSON, files as `files`. */
function formOf(request: Omit<StartRunRequest, 'stream'>, files: readonly Upload[]): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(request)) {
    if (value === undefined) continue;
    form.append(name, name === 'input' && typeof value === 'string' ? value : JSON.stringify(value));
  }
  for (const file of files) form.append('files', blobOf(file), file.name);
  return form;
}
