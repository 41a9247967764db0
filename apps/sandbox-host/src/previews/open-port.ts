import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { HostError } from '../host-error.ts';
import type { Namespace } from '../namespace.ts';

/** A program that accepts a connection does so at once; the rest is for a sandbox under load (guess). */
const openTimeoutMs = 10_000;

/**
 * Connects to a port of the sandbox's own loopback: the init dials it from inside the wall. Throws HostError 502 when
 * nothing listens there.
 */
export function openPort(namespace: Namespace, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const opening = httpRequest({
      // A connection of its own: those of commands are few and kept.
      createConnection: () => namespace.connect(),
      method: 'CONNECT',
      path: `localhost:${port}`,
      timeout: openTimeoutMs,
    });
    const fail = (): void => {
      opening.destroy();
      reject(new HostError(502, 'PORT_NOT_OPEN', `Nothing answers on port ${port} of the sandbox.`));
    };
    opening.on('connect', (answer, socket, head) => {
      if (answer.statusCode !== 200) {
        // It is no longer the request's: an error of it would be nobody's, and end this process.
        socket.destroy();
        return fail();
      }
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    opening.on('response', fail).on('timeout', fail).on('error', fail).on('close', fail);
    opening.end();
  });
}
