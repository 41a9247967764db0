import { AppError } from '@switchyard/protocol';
import type { Hono } from 'hono';
import type { GatewayEnv } from './gateway.ts';

/** Answers 405 with `Allow` on every path that has a route for another method. Call it after all routes. */
export function refuseOtherMethods(app: Hono<GatewayEnv>): void {
  const methods = new Map<string, Set<string>>();
  for (const { method, path } of app.routes) {
    // Middleware stands under ALL.
    if (method === 'ALL') continue;
    const known = methods.get(path) ?? new Set();
    known.add(method);
    if (method === 'GET') known.add('HEAD');
    methods.set(path, known);
  }
  for (const [path, known] of methods) {
    const allow = [...known, 'OPTIONS'].join(', ');
    app.all(path, () => {
      throw new AppError('method_not_allowed', `This route takes ${allow}.`, { details: { allow } });
    });
  }
}
