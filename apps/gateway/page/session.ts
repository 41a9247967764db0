/** Where people sign in: the answer of `GET /v1/config`. */
export interface SignInService {
  readonly supabaseUrl: string;
  readonly publishableKey: string;
}

export interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Unix time in milliseconds by this machine's clock. */
  readonly expiresAt: number;
  readonly email: string;
}

/** What went wrong with a sign-in, in words for the person; `isRefused` when asking again changes nothing. */
export class SignInError extends Error {
  override readonly name = 'SignInError';
  readonly isRefused: boolean;

  constructor(message: string, { isRefused }: { readonly isRefused: boolean }) {
    super(message);
    this.isRefused = isRefused;
  }
}

export interface Sessions {
  current(): Session | null;
  signIn(email: string, password: string): Promise<void>;
  /** `confirm-email` when the service wants the address confirmed before the first sign-in. */
  signUp(email: string, password: string): Promise<'signed-in' | 'confirm-email'>;
  signOut(): void;
  /**
   * An access token that is valid for a while yet, renewed when it is not, and when the API has just refused it
   * (`refused`). Whoever cannot renew it is signed out. Throws SignInError.
   */
  token(refused: string | null): Promise<string>;
  /** Told when somebody signs in or out, in this tab or another. */
  onChange(listener: () => void): void;
}

const storageKey = 'switchyard.session';
/** A request that leaves now should still arrive with a valid token. */
const marginMs = 60_000;
const requestMs = 15_000;
/** A renewed token that is refused within this time was not what was wrong. */
const rejectionMs = 30_000;

/** Sessions of one sign-in service, kept in this browser and shared by its tabs. */
export function openSessions(service: SignInService): Sessions {
  const listeners = new Set<() => void>();
  let session = readStored();
  let renewal: Promise<string> | null = null;
  let rejectedAt = 0;

  function keep(next: Session | null): void {
    const isOther = (session === null) !== (next === null);
    session = next;
    if (next === null) localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, JSON.stringify(next));
    if (isOther) for (const listener of listeners) listener();
  }

  // Another tab signed in or out, or renewed the tokens for all.
  addEventListener('storage', ({ key }) => {
    if (key !== storageKey && key !== null) return;
    const stored = readStored();
    const isOther = (session === null) !== (stored === null);
    session = stored;
    if (isOther) for (const listener of listeners) listener();
  });

  async function ask(path: string, body: object): Promise<Record<string, unknown>> {
    let response: Response;
    try {
      response = await fetch(`${service.supabaseUrl}/auth/v1/${path}`, {
        method: 'POST',
        headers: { apikey: service.publishableKey, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(requestMs),
      });
    } catch {
      throw new SignInError('The sign-in service cannot be reached.', { isRefused: false });
    }
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    if (response.ok) return answer;
    throw new SignInError(wordsOf(answer, response.status), {
      isRefused: response.status >= 400 && response.status < 500 && response.status !== 429,
    });
  }

  async function renew(): Promise<string> {
    // One tab at a time: a refresh token is used up by its first use.
    return await withLock(async () => {
      const stored = readStored();
      if (stored === null) {
        keep(null);
        throw new SignInError('Please sign in again.', { isRefused: true });
      }
      session = stored;
      if (stored.expiresAt - Date.now() > marginMs) return stored.accessToken;
      try {
        const answer = await ask('token?grant_type=refresh_token', { refresh_token: stored.refreshToken });
        const renewed = sessionOf(answer, stored.email);
        if (renewed === null) throw new SignInError('Please sign in again.', { isRefused: true });
        keep(renewed);
        return renewed.accessToken;
      } catch (error) {
        if (error instanceof SignInError && error.isRefused) keep(null);
        throw error;
      }
    });
  }

  /** True when the token that was refused is the one that all would go on using. */
  function isInUse(refused: string | null): boolean {
    return refused !== null && refused === session?.accessToken && !renewal;
  }

  async function token(refused: string | null): Promise<string> {
    if (session === null) throw new SignInError('Please sign in.', { isRefused: true });
    if (isInUse(refused)) {
      const isAgain = Date.now() - rejectedAt < rejectionMs;
      rejectedAt = Date.now();
      if (isAgain) {
        keep(null);
        throw new SignInError('Please sign in again.', { isRefused: true });
      }
      keep({ ...session, expiresAt: 0 });
    }
    if (session.expiresAt - Date.now() > marginMs) return session.accessToken;
    renewal ??= renew().finally(() => (renewal = null));
    return await renewal;
  }

  return {
    current: () => session,
    async signIn(email, password) {
      const found = sessionOf(await ask('token?grant_type=password', { email, password }), email);
      if (found === null) throw new SignInError('The sign-in service gave no session.', { isRefused: true });
      keep(found);
    },
    async signUp(email, password) {
      const found = sessionOf(await ask('signup', { email, password }), email);
      if (found === null) return 'confirm-email';
      keep(found);
      return 'signed-in';
    },
    signOut: () => keep(null),
    token,
    onChange: (listener) => void listeners.add(listener),
  };
}

async function withLock<Value>(action: () => Promise<Value>): Promise<Value> {
  // Only on a secure page; elsewhere the service's own reuse interval has to do.
  if (!('locks' in navigator)) return await action();
  return await navigator.locks.request(storageKey, action);
}

function readStored(): Session | null {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey) ?? 'null') as Partial<Session> | null;
    const { accessToken, refreshToken, expiresAt, email } = stored ?? {};
    if (typeof accessToken !== 'string' || typeof refreshToken !== 'string') return null;
    return { accessToken, refreshToken, expiresAt: Number(expiresAt) || 0, email: email ?? '' };
  } catch {
    return null;
  }
}

function sessionOf(answer: Record<string, unknown>, email: string): Session | null {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds } = answer;
  if (typeof accessToken !== 'string' || typeof refreshToken !== 'string') return null;
  // Counted from now by our own clock: the server's may differ.
  return { accessToken, refreshToken, expiresAt: Date.now() + (Number(seconds) || 3600) * 1000, email };
}

function wordsOf(answer: Record<string, unknown>, status: number): string {
  switch (answer['error_code'] ?? answer['error']) {
    case 'invalid_credentials':
    case 'invalid_grant':
      return 'Email or password is wrong.';
    case 'user_already_exists':
      return 'There is an account with this email already. Sign in instead.';
    case 'over_request_rate_limit':
      return 'Too many attempts. Wait a moment and try again.';
    default: {
      const said = answer['msg'] ?? answer['error_description'] ?? answer['message'];
      return typeof said === 'string' ? said : `The sign-in service answered with status ${status}.`;
    }
  }
}
