import type { IncomingMessage } from 'node:http';

/**
 * The status of an answer that a stranger wrote, 200 to 999. Throws RangeError for any other: Node's parser takes 000
 * to 099, which `writeHead` does not, and gives a 101 that names no upgrade for an answer.
 */
export function readFinalStatus({ statusCode = 0 }: IncomingMessage): number {
  if (statusCode < 200 || statusCode > 999) throw new RangeError(`The status is ${statusCode}.`);
  return statusCode;
}
