import { Hono } from 'hono';
import type { Gateway, GatewayEnv } from '../gateway.ts';

/** `/v1/me` and `/v1/models`: who asks, and what he may name. */
export function accountRoutes({ config }: Pick<Gateway, 'config'>): Hono<GatewayEnv> {
  const routes = new Hono<GatewayEnv>();

  routes.get('/me', (c) => {
    const { accountId, userId, apiKeyId } = c.get('actor');
    return c.json({ accountId, userId, apiKeyId });
  });

  routes.get('/models', (c) => {
    const models = config.models.map((entry, index) => ({
      id: entry.id,
      aliases: entry.aliases,
      provider: entry.provider,
      contextWindow: entry.contextWindow,
      maxOutputTokens: entry.maxOutputTokens,
      price: entry.price,
      supportsImages: entry.supports.images,
      isDefault: index === 0,
    }));
    return c.json({ models });
  });

  return routes;
}
