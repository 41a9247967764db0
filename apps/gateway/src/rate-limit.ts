import type { Redis } from '@switchyard/bus';
import { AppError } from '@switchyard/protocol';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** What counting one writing request gave. */
export interface WriteAllowance {
  /** Say how much is left. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null when the request may go on. */
  readonly refusal: AppError | null;
}

/** Counts one writing request of an account; rejects with AppError `unavailable`. */
export type ConsumeWrite = (accountId: string) => Promise<WriteAllowance>;

/**
 * Makes the limit on writing requests, counted in Redis and so for all gateways together. Above it `rate_limited`;
 * without Redis `unavailable`: a write needs Redis anyway, and an open gate would be the moment to attack.
 * Headers as in draft-ietf-httpapi-ratelimit-headers-10.
 */
export function createWriteLimit({
  redis,
  writes,
  windowS,
}: {
  readonly redis: Redis;
  readonly writes: number;
  readonly windowS: number;
}): ConsumeWrite {
  const limiter = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: 'limit:writes',
    points: writes,
    duration: windowS,
    rejectIfRedisNotReady: true,
  });

  function headersOf(state: RateLimiterRes): Record<string, string> {
    const resetS = Math.max(0, Math.ceil(state.msBeforeNext / 1000));
    return {
      'ratelimit-policy': `"writes";q=${writes};w=${windowS}`,
      ratelimit: `"writes";r=${state.remainingPoints};t=${resetS}`,
    };
  }

  return async (accountId) => {
    try {
      return { headers: headersOf(await limiter.consume(accountId)), refusal: null };
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) {
        throw new AppError('unavailable', 'Writing is not possible at the moment.', { cause: error });
      }
      const refusal = new AppError(
        'rate_limited',
        `At most ${writes} writing requests in ${windowS} seconds.`,
        {
          details: { retryAfterMs: error.msBeforeNext },
        },
      );
      return { headers: headersOf(error), refusal };
    }
  };
}
