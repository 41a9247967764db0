import { type Context, Hono } from 'hono';
import { z } from 'zod';
import type { SupabaseSecrets } from './keys.ts';
import { accessTokenSeconds, signAccessToken, verifyAccessToken } from './tokens.ts';
import type { StoredUser, Users } from './users.ts';

const credentialsSchema = z.object({
  email: z.email(),
  password: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
});
const refreshSchema = z.object({ refresh_token: z.string() });
/** Supabase's default. */
const minimumPassword = 6;

/** Sign-up, sign-in, refresh, the user and the key set, as Supabase Auth answers them under `/auth/v1`. */
export function createAuthRoutes(dependencies: {
  readonly secrets: SupabaseSecrets;
  readonly users: Users;
  readonly issuer: () => string;
}): Hono {
  const { secrets, users, issuer } = dependencies;
  const app = new Hono();
  const jwk = secrets.verificationKey.export({ format: 'jwk' });
  const keySet = { keys: [{ ...jwk, kid: secrets.keyId, alg: 'ES256', use: 'sig', key_ops: ['verify'] }] };

  app.get('/.well-known/jwks.json', (c) => c.json(keySet, 200, { 'cache-control': 'public, max-age=600' }));

  app.use(async (c, next) => {
    const key = c.req.header('apikey');
    if (key === secrets.publishableKey || key === secrets.secretKey) return next();
    const message = key === undefined ? 'No API key found in request' : 'Invalid API key';
    return c.json({ message }, 401);
  });

  const answerSession = async (c: Context, user: StoredUser) =>
    c.json({
      access_token: signAccessToken(secrets, issuer(), {
        userId: user.id,
        email: user.email,
        claims: { user_metadata: user.metadata },
      }),
      token_type: 'bearer',
      expires_in: accessTokenSeconds,
      expires_at: Math.floor(Date.now() / 1000) + accessTokenSeconds,
      refresh_token: await users.startSession(user.id),
      user: shownUser(user),
    });

  app.post('/signup', async (c) => {
    const body = credentialsSchema.safeParse(await readJson(c));
    if (!body.success) {
      return refuse(c, 400, 'validation_failed', 'Unable to validate email address: invalid format');
    }
    const { email, password, data } = body.data;
    if (password.length < minimumPassword) {
      const message = `Password should be at least ${minimumPassword} characters.`;
      return refuse(c, 422, 'weak_password', message, { weak_password: { reasons: ['length'], message } });
    }
    const user = await users.create({ email, password, ...(data === undefined ? {} : { metadata: data }) });
    if (user === null) return refuse(c, 422, 'user_already_exists', 'User already registered');
    return answerSession(c, user);
  });

  app.post('/token', async (c) => {
    const body = await readJson(c);
    switch (c.req.query('grant_type')) {
      case 'password': {
        const credentials = credentialsSchema.safeParse(body);
        const user = credentials.success
          ? await users.signIn(credentials.data.email, credentials.data.password)
          : null;
        if (user === null) return refuse(c, 400, 'invalid_credentials', 'Invalid login credentials');
        return answerSession(c, user);
      }
      case 'refresh_token': {
        const request = refreshSchema.safeParse(body);
        const user = request.success ? await users.renewSession(request.data.refresh_token) : null;
        if (user !== null) return answerSession(c, user);
        const message = 'Invalid Refresh Token: Refresh Token Not Found';
        return refuse(c, 400, 'refresh_token_not_found', message);
      }
      default:
        return refuse(c, 400, 'validation_failed', 'unsupported_grant_type');
    }
  });

  app.get('/user', (c) => {
    const token = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    if (token === undefined)
      return refuse(c, 401, 'no_authorization', 'This endpoint requires a Bearer token');
    const userId = verifyAccessToken(secrets, token);
    if (userId === null) return refuse(c, 403, 'bad_jwt', 'invalid JWT: token is not valid');
    const user = users.find(userId);
    if (user === null) return refuse(c, 403, 'user_not_found', 'User from sub claim in JWT does not exist');
    return c.json(shownUser(user));
  });

  return app;
}

function refuse(
  c: Context,
  code: 400 | 401 | 403 | 422,
  errorCode: string,
  message: string,
  more: Record<string, unknown> = {},
): Response {
  return c.json({ code, error_code: errorCode, msg: message, ...more }, code);
}

async function readJson(c: Context): Promise<unknown> {
  try {
    return await c.req.json();
  } catch {
    // Not JSON: the schema refuses it as it refuses any other wrong body.
    return undefined;
  }
}

function shownUser(user: StoredUser) {
  return {
    id: user.id,
    aud: 'authenticated',
    role: 'authenticated',
    email: user.email,
    email_confirmed_at: user.createdAt,
    phone: '',
    confirmed_at: user.createdAt,
    last_sign_in_at: user.lastSignInAt,
    app_metadata: { provider: 'email', providers: ['email'] },
    user_metadata: user.metadata,
    identities: [],
    created_at: user.createdAt,
    updated_at: user.createdAt,
    is_anonymous: false,
  };
}
