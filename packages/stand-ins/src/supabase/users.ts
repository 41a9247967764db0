import { createHash, randomBytes, randomUUID, scrypt, timingSafeEqual } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from '../keep-json.ts';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);

const userSchema = z.object({
  id: z.uuid(),
  email: z.string(),
  /** `<salt>.<scrypt hash>`, both base64url. */
  password: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  createdAt: z.string(),
  lastSignInAt: z.string().nullable(),
});
export type StoredUser = z.infer<typeof userSchema>;

const sessionSchema = z.object({ userId: z.uuid(), replacedAt: z.number().nullable() });
const fileSchema = z.object({
  users: z.array(userSchema),
  /** Refresh tokens by their SHA-256. */
  sessions: z.record(z.string(), sessionSchema),
});

export interface Users {
  /** Null when somebody has this address already. */
  create(request: {
    email: string;
    password: string;
    metadata?: Record<string, unknown>;
  }): Promise<StoredUser | null>;
  /** Null when address or password is wrong. */
  signIn(email: string, password: string): Promise<StoredUser | null>;
  find(userId: string): StoredUser | null;
  /** A new refresh token for a user. */
  startSession(userId: string): Promise<string>;
  /** Uses a refresh token up; null when it is unknown or was used up before. */
  renewSession(refreshToken: string): Promise<StoredUser | null>;
}

/** A client that lost the answer may ask again: Supabase's own reuse interval. */
const reuseMs = 10_000;
const maxSessions = 1000;

/** Opens the users of a data directory; every change is on the disk before it is answered. */
export async function openUsers(dataDir: string): Promise<Users> {
  const file = path.join(dataDir, 'users.json');
  const stored = await readPrivateJson(file);
  const state = stored === null ? { users: [], sessions: {} } : fileSchema.parse(stored);
  let writing = Promise.resolve();

  const save = (): Promise<void> => {
    writing = writing.then(() => writePrivateJson(file, state));
    return writing;
  };
  const byEmail = (email: string) => state.users.find((user) => user.email === email.toLowerCase());
  const find = (userId: string) => state.users.find((user) => user.id === userId) ?? null;

  return {
    find,
    async create({ email, password, metadata }) {
      const hash = await hashPassword(password, randomBytes(16));
      if (byEmail(email)) return null;
      const now = new Date().toISOString();
      const user: StoredUser = {
        id: randomUUID(),
        email: email.toLowerCase(),
        password: hash,
        metadata: metadata ?? {},
        createdAt: now,
        lastSignInAt: now,
      };
      state.users.push(user);
      await save();
      return user;
    },
    async signIn(email, password) {
      const user = byEmail(email);
      if (!user || !(await isPassword(user.password, password))) return null;
      user.lastSignInAt = new Date().toISOString();
      await save();
      return user;
    },
    async startSession(userId) {
      const refreshToken = randomBytes(24).toString('base64url');
      state.sessions[digest(refreshToken)] = { userId, replacedAt: null };
      const hashes = Object.keys(state.sessions);
      for (const old of hashes.slice(0, Math.max(0, hashes.length - maxSessions))) delete state.sessions[old];
      await save();
      return refreshToken;
    },
    async renewSession(refreshToken) {
      const session = state.sessions[digest(refreshToken)];
      if (!session) return null;
      if (session.replacedAt !== null && Date.now() - session.replacedAt > reuseMs) return null;
      session.replacedAt ??= Date.now();
      await save();
      return find(session.userId);
    },
  };
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

async function hashPassword(password: string, salt: Buffer): Promise<string> {
  return `${salt.toString('base64url')}.${(await derive(password, salt, 32)).toString('base64url')}`;
}

async function isPassword(stored: string, password: string): Promise<boolean> {
  const salt = Buffer.from(stored.split('.')[0] ?? '', 'base64url');
  return timingSafeEqual(Buffer.from(await hashPassword(password, salt)), Buffer.from(stored));
}
