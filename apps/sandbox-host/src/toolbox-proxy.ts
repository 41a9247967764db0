import { request as httpRequest } from 'node:http';
import { pipeline, Readable, Transform } from 'node:stream';
import type { HttpBindings } from '@hono/node-server';
import { readFinalStatus } from './final-status.ts';
import { HostError } from './host-error.ts';
import type { Namespace } from './namespace.ts';

/** The init has ended: without it the sandbox is of no use, whatever else still runs in it. */
export class InitGoneError extends Error {}

/** Nobody listens at the socket any more. */
const isRefused = (error: NodeJS.ErrnoException): boolean => error.code === 'ECONNREFUSED';

const notAnswering = (): HostError =>
  new HostError(502, 'SANDBOX_NOT_ANSWERING', 'The sandbox did not answer.');

/** Of those that `Response` takes; the init gives no others. */
const canHaveBody = (status: number): boolean => status < 600 && ![204, 205, 304].includes(status);

/** Passed on to the init; everything else, the key above all, stays here. */
const forwardedHeaders = ['content-type', 'content-length', 'transfer-encoding'];

/**
 * More than any answer of an honest init: 16 MiB of output, escaped as JSON. A guest may take the init over, and
 * what it sends must not fill the memory of the one who asked.
 */
const maxAnswerBytes = 48 * 1024 * 1024;

/** Ends the answer in the middle when it is longer than any can be. */
function limitAnswer(): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      size += chunk.length;
      callback(size > maxAnswerBytes ? new RangeError('The answer is too long.') : null, chunk);
    },
  });
}

/**
 * Hands a request to the sandbox's init and its answer back, unread: what comes from inside is parsed by nobody but
 * the client, and what goes in is parsed only behind the wall.
 */
export function forwardToInit(
  namespace: Namespace,
  path: string,
  { incoming, outgoing }: HttpBindings,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const headers = Object.fromEntries(
      forwardedHeaders.flatMap((name) => (incoming.headers[name] ? [[name, incoming.headers[name]]] : [])),
    );
    const request = httpRequest(
      {
        agent: namespace.agent,
        method: incoming.method ?? 'GET',
        path,
        headers,
      },
      (answer) => {
        // Whatever is thrown in a listener ends this process, and a guest may have written what is read here.
        try {
          const status = readFinalStatus(answer);
          if (!canHaveBody(status)) throw new RangeError(`The status is ${status}.`);
          const body = pipeline(answer, limitAnswer(), () => undefined);
          const responseHeaders = {
            'content-type': answer.headers['content-type'] ?? 'application/octet-stream',
          };
          resolve(
            new Response(Readable.toWeb(body) as ReadableStream<Uint8Array>, {
              status,
              headers: responseHeaders,
            }),
          );
        } catch {
          request.destroy();
          reject(notAnswering());
        }
      },
    );
    request.on('error', (error: NodeJS.ErrnoException) => {
      reject(isRefused(error) || !namespace.isAlive() ? new InitGoneError() : notAnswering());
    });
    // An upgrade that nobody asked for ends the connection without a word.
    request.on('close', () => reject(notAnswering()));
    // A client that has gone away needs no answer; what it started goes on.
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) request.destroy();
    });
    incoming.on('error', () => request.destroy());
    incoming.pipe(request);
  });
}

/**
 * Tells the init that its host is there; it takes its own life when nobody has asked for two minutes.
 * False when the init has ended; one that is only slow is there.
 */
export function pingInit(namespace: Namespace, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = httpRequest({ agent: namespace.agent, path: '/ping' }, (answer) => answer.resume());
    // Of the whole: a guest that took the init over may answer drop by drop, or with an upgrade.
    const timer = setTimeout(() => ping.destroy(), timeoutMs);
    ping.on('error', (error: NodeJS.ErrnoException) => resolve(!isRefused(error)));
    ping.on('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
    ping.end();
  });
}
