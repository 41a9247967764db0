import type { Chunk } from '@switchyard/protocol';
import { createContinueMessage } from './continue-message.ts';
import { followStream, type OpenStream } from './follow-stream.ts';
import { apiPath, type RequestOptions, type SendRequest } from './request.ts';
import { sendInTime, sendPatiently } from './send-patiently.ts';
import { unreachable } from './switchyard-error.ts';

/** The request whose answer is a chat's stream, and how that stream is followed. */
export interface ChatOpening extends Omit<RequestOptions, 'signal'> {
  readonly path: string;
  /** Whether sending it twice starts nothing twice. */
  readonly isRepeatable: boolean;
  /** How many steps the message has with which the chat's reader begins. */
  readonly shownSteps: number;
  readonly abortSignal: AbortSignal | undefined;
  /** Whether aborting stops the run, or only leaves it. */
  readonly abortStopsRun: boolean;
  readonly giveUpAfterMs: number | undefined;
}

/**
 * Sends the request and gives the run's chunks as one stream, to the run's end or to where it waits for a person; null
 * when the answer is 204. Rejects with SwitchyardError or the signal's reason, and so does the stream.
 */
export async function openChatStream(
  send: SendRequest,
  opening: ChatOpening,
): Promise<ReadableStream<Chunk> | null> {
  const { abortSignal, abortStopsRun, shownSteps, giveUpAfterMs } = opening;
  const leaving = new AbortController();
  const response = await begin(send, opening, leaving);
  if (response.status === 204) return null;
  const runId = response.headers.get('x-run-id');
  if (runId === null) {
    leaving.abort();
    throw unreachable(new Error('The answer names no run.'));
  }

  let stopping: Promise<void> | undefined;
  const abort = () => {
    leaving.abort(abortSignal?.reason);
    if (abortStopsRun) stopping = stopRun(send, runId);
    // Whoever reads or cancels the stream is told.
    stopping?.catch(() => undefined);
  };
  if (abortSignal?.aborted) abort();
  else abortSignal?.addEventListener('abort', abort, { once: true });
  const end = () => {
    abortSignal?.removeEventListener('abort', abort);
    leaving.abort();
  };

  const openStream = openAfter(send, { response, runId, headers: opening.headers });
  const batches = followStream(openStream, { signal: leaving.signal, giveUpAfterMs });
  const continueMessage = createContinueMessage(shownSteps);
  return new ReadableStream<Chunk>({
    async pull(controller) {
      try {
        // Ends with something to give: a pull that gives nothing is not repeated.
        for (;;) {
          const { done, value } = await batches.next();
          if (done) {
            controller.close();
            end();
            return;
          }
          const isFirstConnection = value.connection === 1;
          const chunks = value.events.flatMap(({ chunk }) => continueMessage(chunk, { isFirstConnection }));
          for (const chunk of chunks) controller.enqueue(chunk);
          if (chunks.length > 0) return;
        }
      } catch (error) {
        end();
        await stopping;
        throw error;
      }
    },
    async cancel() {
      end();
      await Promise.all([batches.return(), stopping]);
    },
  });
}

/** Sends the request. One that is to be stopped must be known: it goes on until the answer says which run it is. */
async function begin(send: SendRequest, opening: ChatOpening, leaving: AbortController): Promise<Response> {
  const { path, isRepeatable, abortSignal, abortStopsRun, ...request } = opening;
  abortSignal?.throwIfAborted();
  const leave = () => leaving.abort(abortSignal?.reason);
  if (!abortStopsRun) abortSignal?.addEventListener('abort', leave, { once: true });
  try {
    const attempt = isRepeatable ? sendPatiently : sendInTime;
    return await attempt(send, path, { ...request, signal: leaving.signal });
  } finally {
    abortSignal?.removeEventListener('abort', leave);
  }
}

/** The first connection is there already; the next ones go on by cursor, and end like a chat's where the run waits. */
function openAfter(
  send: SendRequest,
  first: { readonly response: Response; readonly runId: string; readonly headers: RequestOptions['headers'] },
): OpenStream {
  let unread: Response | null = first.response;
  return async (cursor, signal) => {
    const response = unread;
    unread = null;
    if (response) return response;
    const headers = new Headers(first.headers);
    headers.delete('content-type');
    if (cursor !== null) headers.set('last-event-id', cursor);
    return await send(`${apiPath`/v1/runs/${first.runId}/stream`}?until=wait`, { headers, signal });
  };
}

async function stopRun(send: SendRequest, runId: string): Promise<void> {
  const signal = new AbortController().signal;
  const response = await sendPatiently(send, apiPath`/v1/runs/${runId}/cancel`, { method: 'POST', signal });
  await response.body?.cancel();
}
