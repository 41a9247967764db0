import { describe, expect, test } from 'vitest';
import { callService, type ServiceCall } from './call-service.ts';
import { SandboxGoneError, StateConflictError } from './service-errors.ts';

const call = (options: Partial<ServiceCall> = {}): ServiceCall => ({
  what: 'a test',
  timeoutMs: 10_000,
  signal: new AbortController().signal,
  isRepeatable: true,
  ...options,
});

/** An error as the SDK makes them. */
const serviceError = (statusCode: number | undefined, more: object = {}): Error =>
  Object.assign(new Error('[object Object]'), { statusCode, ...more });

/** Fails with these, then gives `value`. */
function failing(errors: readonly Error[], value = 'value') {
  const state = { attempts: 0 };
  const action = (): Promise<string> => {
    const error = errors[state.attempts++];
    return error ? Promise.reject(error) : Promise.resolve(value);
  };
  return { action, state };
}

describe('a call of the service', () => {
  test.each([[429], [502], [503], [undefined]])(
    'is tried again after %s when it may be repeated',
    async (status) => {
      const { action, state } = failing([serviceError(status, { headers: { 'retry-after': '0' } })]);
      expect(await callService(call(), action)).toBe('value');
      expect(state.attempts).toBe(2);
    },
  );

  test.each([[502], [503], [504], [undefined]])(
    'is not tried again after %s when it may not',
    async (status) => {
      const { action, state } = failing([serviceError(status)]);
      await expect(callService(call({ isRepeatable: false }), action)).rejects.toMatchObject({
        code: 'sandbox_failed',
      });
      expect(state.attempts).toBe(1);
    },
  );

  test('is tried again after 429 in any case: it had no effect', async () => {
    const { action, state } = failing([serviceError(429, { headers: { 'retry-after': '0' } })]);
    expect(await callService(call({ isRepeatable: false }), action)).toBe('value');
    expect(state.attempts).toBe(2);
  });

  test.each([
    ['ENOSPC: no space left on device, write', 'sandbox_full'],
    ['write /workspace/a: disk quota exceeded', 'sandbox_full'],
    ['EFBIG: file too large, write', 'payload_too_large'],
  ])('that ends in "%s" is %s, which is not tried again', async (message, code) => {
    const { action, state } = failing([Object.assign(new Error(message), { statusCode: 500 })]);
    await expect(callService(call(), action)).rejects.toMatchObject({ code });
    expect(state.attempts).toBe(1);
  });

  test('gives up after four attempts', async () => {
    const { action, state } = failing(
      Array.from({ length: 9 }, () => serviceError(503, { headers: { 'retry-after': '0' } })),
    );
    await expect(callService(call(), action)).rejects.toMatchObject({ code: 'sandbox_failed' });
    expect(state.attempts).toBe(4);
  });

  test('does not wait longer than its deadline allows', async () => {
    const { action, state } = failing([serviceError(429, { headers: { 'retry-after': '3600' } })]);
    await expect(callService(call({ timeoutMs: 100 }), action)).rejects.toMatchObject({
      code: 'sandbox_limit',
      details: { retryAfterMs: 3_600_000 },
    });
    expect(state.attempts).toBe(1);
  });

  test.each([
    ['in seconds', () => ({ 'retry-after': '0.4' })],
    ['for a limit that it names', () => ({ 'retry-after-sandbox-create': '0.4', 'retry-after': '0' })],
    ['as a date', () => ({ 'retry-after': new Date(Date.now() + 2000).toUTCString() })],
  ])('is never tried again earlier than the service asks for %s', async (_how, headers) => {
    const { action, state } = failing([serviceError(429, { headers: headers() })]);
    const startedAt = performance.now();
    expect(await callService(call(), action)).toBe('value');
    expect(performance.now() - startedAt).toBeGreaterThan(300);
    expect(state.attempts).toBe(2);
  });

  test('that never ends is cut at its deadline', async () => {
    const endless = (): Promise<string> => new Promise(() => undefined);
    await expect(callService(call({ timeoutMs: 20 }), endless)).rejects.toMatchObject({
      code: 'sandbox_failed',
      detail: 'The sandbox took too long to answer.',
    });
  });

  test("ends with the signal's reason when it is aborted", async () => {
    const controller = new AbortController();
    const endless = callService(call({ signal: controller.signal }), () => new Promise(() => undefined));
    controller.abort(new Error('cancelled'));
    await expect(endless).rejects.toThrow('cancelled');
    const { action, state } = failing([]);
    await expect(callService(call({ signal: controller.signal }), action)).rejects.toThrow('cancelled');
    expect(state.attempts).toBe(0);
  });

  test.each([
    [401, 'sandbox_unavailable'],
    [403, 'sandbox_unavailable'],
    [400, 'sandbox_failed'],
    [500, 'sandbox_failed'],
    [408, 'sandbox_failed'],
  ])("maps %i to %s and never shows the service's words", async (status, code) => {
    const { action } = failing(
      Array.from({ length: 9 }, () => serviceError(status, { headers: { 'retry-after': '0' } })),
    );
    const error: unknown = await callService(call(), action).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as { detail: string }).detail).not.toContain('object');
  });

  test.each([
    [400, 'Total CPU limit exceeded. Maximum allowed: 10.', 'sandbox_limit'],
    [403, 'Total disk limit exceeded. Maximum allowed: 30GiB.', 'sandbox_limit'],
    [403, 'Sandbox resource limit reached (16), please try again later.', 'sandbox_limit'],
    [400, 'No available runners', 'sandbox_limit'],
    [403, 'Organization is suspended: Depleted credits', 'sandbox_unavailable'],
    [403, 'CPU request 8 exceeds maximum allowed per sandbox (4).', 'sandbox_unavailable'],
  ])('knows what the service means by %i %j', async (status, message, code) => {
    const { action, state } = failing([Object.assign(new Error(message), { statusCode: status })]);
    const error: unknown = await callService(call(), action).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect((error as { detail: string }).detail).not.toContain(message);
    expect(state.attempts).toBe(1);
  });

  test.each([
    [409, 'Sandbox state change in progress'],
    [400, 'State change in progress'],
    [400, 'Sandbox is not in valid state'],
    [409, 'Sandbox with name x already exists'],
    [409, 'anything'],
  ])('asks for another look after %i %j', async (status, message) => {
    const { action } = failing([Object.assign(new Error(message), { statusCode: status })]);
    await expect(callService(call(), action)).rejects.toBeInstanceOf(StateConflictError);
  });

  test.each([
    ['DaytonaConnectionError', 2],
    ['DaytonaConnectionTimeoutError', 2],
    ['DaytonaTimeoutError', 1],
    ['DaytonaError', 1],
  ])('that ends as a %s without an answer is tried %i times', async (name, attempts) => {
    const { action, state } = failing([Object.assign(new Error('x'), { name })]);
    await callService(call(), action).catch(() => undefined);
    expect(state.attempts).toBe(attempts);
  });

  test.each([
    [400, 'bad request: no IP address found. Is the Sandbox started?', undefined],
    [400, 'x', 'SANDBOX_NOT_RUNNING'],
    [409, 'x', 'SANDBOX_NOT_STARTED'],
  ])('says that the sandbox is stopped after %i %j %s', async (status, message, word) => {
    const error = Object.assign(new Error(message), { statusCode: status, code: word });
    await expect(callService(call(), failing([error]).action)).rejects.toBeInstanceOf(SandboxGoneError);
  });

  test.each([
    [404, 'Sandbox with ID or name x-1 not found', undefined],
    [404, 'Sandbox with ID x-1 not found', undefined],
    [410, 'Sandbox not found', undefined],
    [404, 'There is no such sandbox.', 'SANDBOX_NOT_FOUND'],
  ])('says that the sandbox is gone after %i %j %s', async (statusCode, message, code) => {
    const error = Object.assign(new Error(message), { statusCode, code });
    await expect(callService(call(), failing([error]).action)).rejects.toBeInstanceOf(SandboxGoneError);
  });

  test.each([
    [404, '[object Object]', undefined],
    [404, 'Cannot GET /sandbox/x-1', undefined],
    [404, 'The requested URL /sandbox/x-1 was not found on this server.', undefined],
    [404, '<html><title>404 Not Found</title></html>', undefined],
    [404, 'No such route.', 'NOT_FOUND'],
    [410, 'x', undefined],
  ])('does not take a sandbox for gone after %i %j %s', async (statusCode, message, code) => {
    const error = Object.assign(new Error(message), { statusCode, code });
    await expect(callService(call(), failing([error]).action)).rejects.toMatchObject({
      code: 'sandbox_failed',
    });
  });

  test('shows the reason why a machine can have no sandboxes', async () => {
    const reason = Object.assign(new Error('Install bubblewrap.'), {
      statusCode: 422,
      code: 'SANDBOX_UNAVAILABLE',
    });
    const { action } = failing([reason]);
    await expect(callService(call(), action)).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      detail: 'Install bubblewrap.',
    });
  });
});
