import { newId } from '@switchyard/protocol';
import type { MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Gateway, GatewayContext, GatewayEnv } from './gateway.ts';
import { asAppError, problemOfError } from './problem.ts';

/** Gives every request its id and, when it is answered, its one line in the log. Streams write theirs at their end. */
export function identifyRequest({
  logger,
  stopping,
}: Pick<Gateway, 'logger' | 'stopping'>): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const startedAt = performance.now();
    const requestId = newId();
    c.set('requestId', requestId);
    c.header('x-request-id', requestId);
    c.header('x-content-type-options', 'nosniff');
    c.header('cache-control', 'no-store');
    await next();
    // The next request is another gateway's, and the stop need not wait for this connection.
    if (stopping.aborted) c.header('connection', 'close');
    if (c.get('isStream')) return;
    const line = {
      requestId,
      method: c.req.method,
      // The path alone: a query may hold what a log must not.
      path: c.req.path,
      status: c.res.status,
      durationMs: Math.round(performance.now() - startedAt),
      ...(c.var.actor ? { accountId: c.var.actor.accountId } : {}),
      ...(c.error ? errorMembers(c.error) : {}),
    };
    if (c.res.status >= 500) logger.error(line, 'request');
    else logger.info(line, 'request');
  };
}

function errorMembers(error: Error): Record<string, unknown> {
  const { code, cause } = asAppError(error);
  return { outcome: code, ...(cause === undefined ? {} : { error: cause }) };
}

/** Answers with the problem document of an error. */
export function answerProblem(c: GatewayContext, error: Error): Response {
  const problem = problemOfError(error, c.get('requestId'));
  return c.body(JSON.stringify(problem.body), problem.status as ContentfulStatusCode, {
    ...problem.headers,
    'content-type': 'application/problem+json',
  });
}
