import type { IncomingHttpHeaders } from 'node:http';
import type { WireRequest } from './wire.ts';
import type { WireName } from './wires/index.ts';

/** One request that the model server got. Times are milliseconds since the Unix epoch, with fractions. */
export interface RecordedRequest {
  readonly number: number;
  readonly receivedAt: number;
  readonly headers: IncomingHttpHeaders;
  /** Which protocol it came by. */
  readonly wire: WireName;
  /** Byte for byte as it came. */
  readonly text: string;
  /** The request in the shape of the chat wire, whichever it came by. */
  readonly body: WireRequest;
  /** The scenario that answered; null when the demo policy did. */
  readonly scenario: string | null;
  /** The scenario's turn, from 0. */
  readonly turn: number | null;
  status: number;
  /** Pieces of the answer that were sent: text, reasoning and argument chunks, call heads. */
  chunks: number;
  /** Events of the stream that were sent, a scripted failure not counted. */
  frames: number;
  firstByteAt: number | null;
  /** When the whole answer was sent, or when the server cut it by a fault. */
  endedAt: number | null;
  /** When the client went away before the end. */
  abortedAt: number | null;
}

/** Now, in milliseconds since the Unix epoch, monotonic within the process and with fractions. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Adds to the log and drops the oldest entries above `maxRequests`, so that a long bench stays bounded. */
export function record(log: RecordedRequest[], request: RecordedRequest, maxRequests: number): void {
  log.push(request);
  if (log.length > maxRequests) log.splice(0, log.length - maxRequests);
}

/** What the control route shows of a request: everything but the caller's credentials. */
export function shownRequest(request: RecordedRequest): RecordedRequest {
  const headers = { ...request.headers };
  delete headers.authorization;
  delete headers['x-api-key'];
  return { ...request, headers };
}
