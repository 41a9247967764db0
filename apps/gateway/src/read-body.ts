import type { IncomingMessage } from 'node:http';
import { AppError } from '@switchyard/protocol';
import type { Place } from './gate.ts';
import { limits } from './limits.ts';

/** How much of a body is read, and for how long. */
export interface BodyOptions {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** Taken once more than `limits.jsonBytes` have arrived: what a sender only declares costs him nothing. */
  readonly place?: Place;
  /** What must arrive in each such time while the place is held. */
  readonly pace?: { readonly bytes: number; readonly everyMs: number };
}

/**
 * Reads a request's body, counting while it arrives: AppError `payload_too_large` as soon as it is longer than
 * `maxBytes` (what is declared longer is not read at all), `invalid_request` when it ends early, takes longer than
 * `timeoutMs` or comes too slowly for its place, `unavailable` when there is no place for it.
 */
export function readBody(
  incoming: IncomingMessage,
  { maxBytes, timeoutMs, place, pace = limits.largeBodyPace }: BodyOptions,
): Promise<Buffer<ArrayBuffer>> {
  const tooLarge = new AppError('payload_too_large', `The body is larger than ${maxBytes} bytes.`);
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge);
  const endedEarly = new AppError('invalid_request', 'The body ended early.');
  // One who left before has had his 'close' already: nothing would be told any more.
  if (incoming.destroyed && !incoming.readableEnded) return Promise.reject(endedEarly);
  return new Promise((resolve, reject) => {
    const pieces: Buffer<ArrayBuffer>[] = [];
    let size = 0;
    const timer = setTimeout(
      () => settle(new AppError('invalid_request', `The body did not arrive within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    let paceTimer: NodeJS.Timeout | undefined;
    function takePlace(): void {
      place?.take();
      let sizeBefore = size;
      paceTimer = setInterval(() => {
        if (size - sizeBefore < pace.bytes) {
          settle(new AppError('invalid_request', 'The body arrives too slowly.'));
        }
        sizeBefore = size;
      }, pace.everyMs);
    }
    const onData = (piece: Buffer<ArrayBuffer>) => {
      size += piece.length;
      if (size > maxBytes) {
        settle(tooLarge);
        return;
      }
      pieces.push(piece);
      if (!place || paceTimer || size <= limits.jsonBytes) return;
      try {
        takePlace();
      } catch (error) {
        settle(error as AppError);
      }
    };
    const onEnd = () => settle(null);
    const onClose = () => settle(endedEarly);
    function settle(error: AppError | null): void {
      clearTimeout(timer);
      clearInterval(paceTimer);
      incoming.off('data', onData).off('end', onEnd).off('error', onClose).off('close', onClose);
      if (error) {
        discard(incoming);
        reject(error);
      } else resolve(pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces, size));
    }
    incoming.on('data', onData).on('end', onEnd).on('error', onClose).on('close', onClose);
  });
}

/**
 * Takes what is still sent for a moment, so that the client comes to read the answer instead of a broken connection;
 * one that goes on sending is cut.
 */
function discard(incoming: IncomingMessage): void {
  incoming.on('error', () => undefined).resume();
  const timer = setTimeout(() => {
    if (!incoming.complete) incoming.socket.destroy();
  }, limits.discardMs);
  incoming.once('close', () => clearTimeout(timer));
}

/** The media type of a `Content-Type` header in lower case, without its parameters; '' when there is none. */
export function mediaTypeOf(incoming: IncomingMessage): string {
  return (incoming.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Refuses a body that is compressed: its size could not be bounded while it is read. */
export function refuseEncodedBody(incoming: IncomingMessage): void {
  const encoding = incoming.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new AppError('unsupported_media_type', 'Send the body without a content encoding.');
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * How many values a text of JSON has, but for one in each array and object. Counted without parsing it: that takes a
 * thousand times as long for a body of nothing but brackets as for a long text.
 */
function countValues(bytes: Uint8Array): number {
  let count = 0;
  let isInText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) isInText = !isInText;
    else if (isInText) at += byte === backslash ? 1 : 0;
    else if (byte === comma || byte === bracket || byte === brace) count += 1;
  }
  return count;
}

const [quote, backslash, comma, bracket, brace] = Buffer.from('"\\,[{');

/** Reads JSON; AppError `unsupported_media_type`, `payload_too_large`, or `invalid_request` for what is no JSON in UTF-8. */
export async function readJson(incoming: IncomingMessage, options: BodyOptions): Promise<unknown> {
  if (mediaTypeOf(incoming) !== 'application/json') {
    throw new AppError('unsupported_media_type', 'Send the body as application/json.');
  }
  refuseEncodedBody(incoming);
  const bytes = await readBody(incoming, options);
  // A smaller one costs little, whatever it holds.
  if (bytes.length > limits.jsonBytes && countValues(bytes) > limits.jsonValues) {
    throw new AppError('payload_too_large', `The body has more than ${limits.jsonValues} values.`);
  }
  try {
    return JSON.parse(utf8.decode(bytes)) as unknown;
  } catch (cause) {
    throw new AppError('invalid_request', 'The body is not JSON in UTF-8.', {
      cause,
      details: { errors: [{ pointer: '', detail: 'Not JSON.' }] },
    });
  }
}
