import { deepEqual } from 'node:assert/strict';
import { problemSchema } from '@switchyard/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { startStack, type Stack } from './stack.ts';

/** A stack to send nonsense to. After each test there must be as many rows as before it. */
export interface Refusals {
  readonly stack: Stack;
  /** Of the one account that there is. */
  readonly token: string;
  /** Counts what a test itself has just made. */
  readonly recount: () => Promise<void>;
  readonly send: (path: string, init?: RequestInit) => Promise<Response>;
  readonly post: (
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    contentType?: string,
  ) => Promise<Response>;
}

/** Registers the hooks of a file of tests; what it answers can be used inside of them. */
export function watchRefusals(): Refusals {
  let stack: Stack;
  let token: string;
  let before: unknown;

  /** How many rows there are of everything that a request could leave behind. */
  async function countRows(): Promise<unknown> {
    const [row] = await stack.sql`
      select (select count(*) from accounts) accounts, (select count(*) from projects) projects,
        (select count(*) from threads) threads, (select count(*) from messages) messages,
        (select count(*) from parts) parts, (select count(*) from runs) runs, (select count(*) from files) files`;
    return row;
  }

  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) };
    return await fetch(`${stack.url}${path}`, { ...init, headers });
  }

  beforeAll(async () => {
    stack = await startStack({ DAYTONA_API_URL: 'http://127.0.0.1:9/api', DAYTONA_API_KEY: 'unused' });
    ({ token } = stack.signIn());
    // The account is made at its first sight: what follows must leave nothing else.
    await send('/v1/me');
  });
  afterAll(() => stack.stop());
  beforeEach(async () => {
    before = await countRows();
  });
  afterEach(async () => {
    deepEqual(await countRows(), before, 'The request left rows behind.');
  });

  return {
    get stack() {
      return stack;
    },
    get token() {
      return token;
    },
    async recount() {
      before = await countRows();
    },
    send,
    post: (path, body, contentType = 'application/json') =>
      send(path, { method: 'POST', body, headers: { 'content-type': contentType } }),
  };
}

/** What a problem document says, after a look at what all of them have in common. */
export async function problemOf(
  response: Response,
): Promise<{ readonly status: number; readonly code: string; readonly pointers: readonly string[] }> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const { type, status, code, detail, requestId, errors = [] } = problemSchema.parse(await response.json());
  expect({ type, status, requestId }).toEqual({
    type: `urn:switchyard:problem:${code}`,
    status: response.status,
    requestId: response.headers.get('x-request-id'),
  });
  expect(detail).toMatch(/\S/);
  return { status, code, pointers: errors.map(({ pointer }) => pointer) };
}
