import { AppError } from '@switchyard/protocol';
import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyOptions,
} from 'jose';
import { limits } from './limits.ts';

export interface TokenVerifierOptions {
  /** The issuer is `<supabaseUrl>/auth/v1`, its keys are at `…/.well-known/jwks.json`. */
  readonly supabaseUrl: string;
  /** Only for projects that still sign with HS256; null: such tokens are refused. */
  readonly jwtSecret: string | null;
}

/** What the gateway takes from an access token. */
export interface TokenClaims {
  readonly sub: string;
  readonly email: string | null;
  readonly expiresAtMs: number;
}

/**
 * Makes the check of Supabase access tokens: signature, issuer, audience, expiry, subject. Keys of the issuer's key set
 * verify ES256 and RS256 alone, the shared secret HS256 alone: a public key never serves as a secret.
 * Rejects with AppError `unauthorized`, or `unavailable` when the issuer's keys cannot be read.
 */
export function createTokenVerifier(options: TokenVerifierOptions): (token: string) => Promise<TokenClaims> {
  const issuer = `${options.supabaseUrl}/auth/v1`;
  const keySet = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
    timeoutDuration: limits.keySetTimeoutMs,
  });
  const secret = options.jwtSecret === null ? null : new TextEncoder().encode(options.jwtSecret);
  const expected: JWTVerifyOptions = {
    issuer,
    audience: 'authenticated',
    requiredClaims: ['sub', 'exp'],
    clockTolerance: limits.clockToleranceS,
  };

  async function verify(token: string): Promise<JWTPayload> {
    if (decodeProtectedHeader(token).alg === 'HS256') {
      if (!secret) throw new errors.JOSEAlgNotAllowed('HS256 is not in use.');
      return (await jwtVerify(token, secret, { ...expected, algorithms: ['HS256'] })).payload;
    }
    return (await jwtVerify(token, keySet, { ...expected, algorithms: ['ES256', 'RS256'] })).payload;
  }

  return async (token) => {
    let payload: JWTPayload;
    try {
      payload = await verify(token);
    } catch (error) {
      throw refusalOf(error);
    }
    const { sub, exp, email } = payload;
    if (sub === undefined || exp === undefined) throw new AppError('unauthorized', 'The token is not valid.');
    return { sub, email: typeof email === 'string' && email !== '' ? email : null, expiresAtMs: exp * 1000 };
  };
}

function refusalOf(cause: unknown): AppError {
  if (cause instanceof errors.JWTExpired)
    return new AppError('unauthorized', 'The token has expired.', { cause });
  const isIssuersFault =
    cause instanceof errors.JWKSTimeout ||
    cause instanceof errors.JWKSInvalid ||
    // The plain JOSEError says that the key set did not answer 200; a TypeError that nothing answered at all.
    (cause instanceof errors.JOSEError && cause.code === errors.JOSEError.code) ||
    (cause instanceof TypeError && cause.message === 'fetch failed');
  if (isIssuersFault) {
    return new AppError('unavailable', 'Sign-in cannot be checked at the moment.', { cause });
  }
  return new AppError('unauthorized', 'The token is not valid.', { cause });
}
