import type { Config } from './config.ts';

/** The origin to name in `Access-Control-Allow-Origin`, or null. Credentials travel in a header, never in cookies. */
export function allowedOrigin(allowed: Config['corsOrigins'], origin: string): string | null {
  if (allowed === 'loopback') return isLoopback(origin) ? origin : null;
  return allowed.includes('*') || allowed.includes(origin) ? origin : null;
}

function isLoopback(origin: string): boolean {
  return /^https?:\/\/(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(
    origin,
  );
}
