import type { IncomingMessage } from 'node:http';

/** A request's or response's whole body as text. */
export async function readBody(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
