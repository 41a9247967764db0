import { beforeSilence } from './before-silence.ts';
import type { SendRequest } from './request.ts';
import { sendInTime } from './send-patiently.ts';
import { SwitchyardError, unreachable } from './switchyard-error.ts';

/** A guess: longer than a sandbox takes for the next page of a file. */
const silenceMs = 60_000;

/**
 * Sends a GET and reads its answer as bytes. It takes as long as it takes while they come; rejects with SwitchyardError
 * when no answer begins, or nothing more of it comes, and with the signal's reason.
 */
export async function readBytes(
  send: SendRequest,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const leaving = new AbortController();
  const ended = signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal;
  try {
    const { body } = await sendInTime(send, path, { signal: ended });
    if (!body) return new Uint8Array();
    const reader = body.getReader();
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    // Ends with the answer.
    for (;;) {
      const { done, value } = await beforeSilence(reader.read(), { silenceMs, ended });
      if (done) return await joined(pieces);
      pieces.push(value);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof SwitchyardError ? cause : unreachable(cause);
  } finally {
    leaving.abort();
  }
}

async function joined(pieces: Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
