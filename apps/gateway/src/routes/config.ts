import type { ConfigResponse } from '@switchyard/protocol';
import { Hono } from 'hono';
import type { Gateway, GatewayEnv } from '../gateway.ts';

/** `/v1/config`: what a front end has to know before anybody has signed in. Nothing in it is secret. */
export function configRoutes({ config }: Pick<Gateway, 'config'>): Hono<GatewayEnv> {
  const routes = new Hono<GatewayEnv>();
  routes.get('/', (c) =>
    c.json({
      supabaseUrl: config.supabaseUrl,
      publishableKey: config.supabasePublishableKey,
    } satisfies ConfigResponse),
  );
  return routes;
}
