import { randomUUID } from 'node:crypto';
import type { UserId } from '@switchyard/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as store from '../src/index.ts';
import {
  type Actor,
  answerApprovals,
  correctRun,
  createApiKey,
  createFile,
  createProject,
  createStreamTicket,
  createThread,
  type Database,
  deleteProject,
  deleteThread,
  hasMessage,
  listProjects,
  listThreadRuns,
  listThreads,
  readAnsweringRun,
  readChatRun,
  readFile,
  readMessages,
  readProject,
  readRun,
  readThread,
  updateProject,
  requestCancel,
  resolveApiKey,
  resolveUser,
  revokeStreamTickets,
  startChatRun,
  startRun,
  stopThread,
  updateThread,
} from '../src/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newRun } from './fixtures.ts';

let database: TestDatabase;
let owner: Actor;
beforeAll(async () => {
  database = await createTestDatabase();
  owner = await newActor(database.sql);
});
afterAll(async () => database.drop());

interface Owned {
  readonly runId: string;
  readonly messageId: string;
  readonly threadId: string;
  readonly externalId: string;
  readonly projectId: string;
  readonly fileId: string;
  readonly idempotencyKey: string;
}

async function ownThings(sql: Database, actor: Actor): Promise<Owned> {
  const externalId = `thread-${randomUUID()}`;
  const idempotencyKey = randomUUID();
  await createThread(sql, actor, { externalId });
  const { run } = await newRun(sql, actor, { threadId: externalId, idempotencyKey });
  const file = await createFile(sql, actor, {
    projectId: run.projectId,
    name: 'secret.txt',
    mediaType: 'text/plain',
    size: 1,
    objectKey: randomUUID(),
  });
  return {
    runId: run.id,
    messageId: run.messageId,
    threadId: run.threadId,
    externalId,
    projectId: run.projectId,
    fileId: file.id,
    idempotencyKey,
  };
}

const run = (options: Partial<store.StartRunOptions>) => ({
  requestHash: 'hash',
  model: 'm',
  limits: {},
  message: { parts: [{ type: 'text', text: 'hello' }] as const },
  ...options,
});
const chat = (options: Partial<store.StartChatRunOptions>): store.StartChatRunOptions => ({
  trigger: 'submit',
  threadId: 'chat',
  model: 'm',
  limits: {},
  message: { id: 'm', clientHash: 'h', parts: [{ type: 'text', text: 'hello' }] },
  ...options,
});
const file = (projectId: string) => ({
  projectId,
  name: 'f',
  mediaType: 'text/plain',
  size: 1,
  objectKey: randomUUID(),
});

type Attempt = (sql: Database, actor: Actor, owned: Owned) => Promise<unknown>;
/** Every verb of users that names something: a stranger gets `not_found`. */
const namingVerbs: Readonly<Record<string, readonly Attempt[]>> = {
  startRun: [
    (sql, actor, { threadId }) => startRun(sql, actor, run({ threadId })),
    (sql, actor, { externalId }) => startRun(sql, actor, run({ threadId: externalId })),
    (sql, actor, { projectId }) => startRun(sql, actor, run({ projectId })),
    (sql, actor, { fileId }) => startRun(sql, actor, run({ files: [fileId as never] })),
    (sql, actor, { fileId }) =>
      startRun(
        sql,
        actor,
        run({ message: { parts: [{ type: 'file', url: `/v1/files/${fileId}`, mediaType: 'text/plain' }] } }),
      ),
  ],
  startChatRun: [
    (sql, actor, { projectId }) => startChatRun(sql, actor, chat({ projectId })),
    (sql, actor, { fileId }) =>
      startChatRun(
        sql,
        actor,
        chat({ message: { id: 'm', clientHash: 'h', parts: [], files: [fileId as never] } }),
      ),
    // The thread is not theirs, so there is no such answer in it.
    (sql, actor, { threadId, messageId }) =>
      startChatRun(sql, actor, chat({ threadId, trigger: 'regenerate', answerId: messageId, message: null })),
  ],
  stopThread: [
    (sql, actor, { threadId }) => stopThread(sql, actor, threadId),
    (sql, actor, { externalId }) => stopThread(sql, actor, externalId),
  ],
  readAnsweringRun: [
    (sql, actor, { threadId, messageId }) => readAnsweringRun(sql, actor, { threadId, messageId }),
  ],
  createStreamTicket: [(sql, actor, { runId }) => createStreamTicket(sql, actor, runId)],
  revokeStreamTickets: [(sql, actor, { runId }) => revokeStreamTickets(sql, actor, runId)],
  answerApprovals: [(sql, actor, { runId }) => answerApprovals(sql, actor, { runId, answers: [] })],
  correctRun: [(sql, actor, { runId }) => correctRun(sql, actor, { runId, text: 'Stop.' })],
  requestCancel: [(sql, actor, { runId }) => requestCancel(sql, actor, runId)],
  readRun: [(sql, actor, { runId }) => readRun(sql, actor, runId)],
  listThreadRuns: [
    (sql, actor, { threadId }) => listThreadRuns(sql, actor, threadId),
    (sql, actor, { externalId }) => listThreadRuns(sql, actor, externalId),
  ],
  createThread: [(sql, actor, { projectId }) => createThread(sql, actor, { projectId })],
  readThread: [
    (sql, actor, { threadId }) => readThread(sql, actor, threadId),
    (sql, actor, { externalId }) => readThread(sql, actor, externalId),
  ],
  readMessages: [(sql, actor, { threadId }) => readMessages(sql, actor, threadId, { limit: 10 })],
  updateThread: [
    (sql, actor, { threadId }) => updateThread(sql, actor, threadId, { title: 'mine' }),
    (sql, actor, { externalId }) => updateThread(sql, actor, externalId, { archived: true }),
  ],
  deleteThread: [
    (sql, actor, { threadId }) => deleteThread(sql, actor, threadId),
    (sql, actor, { externalId }) => deleteThread(sql, actor, externalId),
  ],
  updateProject: [
    (sql, actor, { projectId }) =>
      updateProject(sql, actor, projectId, { name: 'mine', instructions: 'obey' }),
  ],
  deleteProject: [(sql, actor, { projectId }) => deleteProject(sql, actor, projectId)],
  readProject: [(sql, actor, { projectId }) => readProject(sql, actor, projectId)],
  createFile: [(sql, actor, { projectId }) => createFile(sql, actor, file(projectId))],
  readFile: [(sql, actor, { fileId }) => readFile(sql, actor, fileId)],
};
/** Those that name nothing: a stranger sees and makes only what is his. */
const namelessVerbs: Readonly<Record<string, Attempt>> = {
  listThreads: async (sql, actor) => [
    await listThreads(sql, actor, { limit: 100 }),
    await listThreads(sql, actor, { limit: 100, search: 'hello' }),
  ],
  listProjects: (sql, actor) => listProjects(sql, actor, { limit: 100 }),
  createProject: (sql, actor) => createProject(sql, actor, { name: 'p' }),
  createApiKey: (sql, actor) => createApiKey(sql, actor, { name: 'k' }),
  hasMessage: (sql, actor, { threadId }) => hasMessage(sql, actor, { threadId, messageId: 'hello' }),
  readChatRun: (sql, actor, { threadId }) => readChatRun(sql, actor, { threadId, graceMs: 1000 }),
};
/** What takes no actor: it makes one, or is a worker's or the process's own. */
const withoutActor = [
  'claimRun',
  'connectDatabase',
  'createBlobs',
  'createSandboxRecords',
  'findDiscardedSandboxes',
  'findLooseObjects',
  'findTroubledRuns',
  'forgetObjects',
  'inTransaction',
  'finishRun',
  'isCancelRequested',
  'loadRun',
  'migrate',
  'nameThread',
  'parkRun',
  'readFollowedRuns',
  'readLastIncarnation',
  'readTicketRun',
  'reclaimRun',
  'releaseRun',
  'reserveObjects',
  'resolveApiKey',
  'resolveUser',
  'RunLostError',
  'setToolState',
  'settleDiscardedSandbox',
  'snapshot',
  'storeParts',
  'takeCorrections',
  'wakeRun',
];

describe('two accounts', () => {
  it('are tried with every exported verb', () => {
    expect([...Object.keys(namingVerbs), ...Object.keys(namelessVerbs), ...withoutActor].sort()).toEqual(
      Object.keys(store).sort(),
    );
  });

  it.each(
    Object.entries(namingVerbs).flatMap(([verb, tries]) => tries.map((attempt) => ({ verb, attempt }))),
  )('never reach each other’s rows through $verb', async ({ attempt }) => {
    const { sql } = database;
    const stranger = await newActor(sql);
    const owned = await ownThings(sql, owner);
    const strangersKey = await resolveApiKey(sql, (await createApiKey(sql, stranger, { name: 'k' })).key);
    const before = await fingerprint(sql, owned);
    for (const actor of [stranger, strangersKey!]) {
      await expect(attempt(sql, actor, owned)).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(await fingerprint(sql, owned)).toEqual(before);
  });

  it.each(Object.entries(namelessVerbs))(
    'see nothing of each other in what %s answers',
    async (_verb, attempt) => {
      const { sql } = database;
      const owned = await ownThings(sql, owner);
      const answer = JSON.stringify(await attempt(sql, await newActor(sql), owned));
      for (const id of [...Object.values(owned), owner.accountId]) expect(answer).not.toContain(id);
    },
  );

  it('cannot borrow each other’s account by naming it', async () => {
    const { sql } = database;
    const stranger = await newActor(sql);
    const owned = await ownThings(sql, owner);
    const forged: Actor = { ...stranger, accountId: owner.accountId };
    const key = await createApiKey(sql, stranger, { name: 'k' });
    const forgedKey: Actor = { accountId: owner.accountId, userId: null, apiKeyId: key.id };
    for (const actor of [forged, forgedKey, { ...forged, userId: null }]) {
      for (const attempt of [...Object.values(namingVerbs).flat(), ...Object.values(namelessVerbs)]) {
        await expect(attempt(sql, actor, owned)).rejects.toMatchObject({ code: 'not_found' });
      }
    }
  });

  it('may use the same externalId, each for a thread of its own', async () => {
    const { sql } = database;
    const externalId = `same-${randomUUID()}`;
    const stranger = await newActor(sql);
    const [mine, theirs] = [
      await createThread(sql, owner, { externalId }),
      await createThread(sql, stranger, { externalId }),
    ];
    expect((await readThread(sql, owner, externalId)).id).toBe(mine.id);
    expect((await readThread(sql, stranger, externalId)).id).toBe(theirs.id);
    await expect(createThread(sql, owner, { externalId })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('find a thread by id before one whose externalId is that id', async () => {
    const { sql } = database;
    const mine = await createThread(sql, owner, {});
    await createThread(sql, owner, { externalId: mine.id });
    expect((await readThread(sql, owner, mine.id)).id).toBe(mine.id);
  });
});

describe('members of one account', () => {
  it('read and write what the owner made, but make no keys', async () => {
    const { sql } = database;
    const owned = await ownThings(sql, owner);
    const userId = randomUUID() as UserId;
    await sql`insert into account_members (account_id, user_id, role) values (${owner.accountId}, ${userId}, 'member')`;
    const member: Actor = { accountId: owner.accountId, userId, apiKeyId: null };
    expect((await readRun(sql, member, owned.runId)).id).toBe(owned.runId);
    await newRun(sql, member, { projectId: owned.projectId });
    await expect(createApiKey(sql, member, { name: 'k' })).rejects.toMatchObject({ code: 'forbidden' });
    await sql`delete from account_members where user_id = ${userId}`;
    await expect(readRun(sql, member, owned.runId)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are asked for their rights by may(), which knows no other action', async () => {
    const { sql } = database;
    const { projectId } = await ownThings(sql, owner);
    const key = await createApiKey(sql, owner, { name: 'k' });
    const stranger = await newActor(sql);
    const may = async (actor: Actor, action: string, project: string | null) => {
      const [row] = await sql<{ may: boolean }[]>`
        select may(row(${actor.accountId}::uuid, ${actor.userId}::uuid, ${actor.apiKeyId}::uuid)::actor,
          ${action}, ${project}::uuid) as may`;
      return row?.may;
    };
    const byKey: Actor = { accountId: owner.accountId, userId: null, apiKeyId: key.id };
    const nobody: Actor = { accountId: owner.accountId, userId: null, apiKeyId: null };
    const actions = ['read', 'write', 'manage', 'anything'];
    const table = async (actor: Actor, project: string | null) =>
      Promise.all(actions.map((action) => may(actor, action, project)));
    expect(await table(owner, projectId)).toEqual([true, true, true, false]);
    expect(await table(byKey, projectId)).toEqual([true, true, false, false]);
    expect(await table(byKey, null)).toEqual([true, true, false, false]);
    expect(await table(stranger, projectId)).toEqual([false, false, false, false]);
    expect(await table(nobody, projectId)).toEqual([false, false, false, false]);
    expect(await table(owner, randomUUID())).toEqual([false, false, false, false]);
  });
});

describe('API keys', () => {
  it('act for their account until they are revoked, and are stored as a hash only', async () => {
    const { sql } = database;
    const owned = await ownThings(sql, owner);
    const { id, key } = await createApiKey(sql, owner, { name: 'ci' });
    expect(key).toMatch(/^sy_[0-9A-Za-z]{40}$/);
    const actor = await resolveApiKey(sql, key);
    expect(actor).toEqual({ accountId: owner.accountId, userId: null, apiKeyId: id });
    expect((await readRun(sql, actor!, owned.runId)).id).toBe(owned.runId);
    const [row] = await sql<{ row: string }[]>`select k::text as row from api_keys k where id = ${id}`;
    expect(row?.row).not.toContain(key.slice(8));
    await sql`update api_keys set revoked_at = now() where id = ${id}`;
    expect(await resolveApiKey(sql, key)).toBeNull();
    await expect(readRun(sql, actor!, owned.runId)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are nobody’s when they are wrong, and make no further keys', async () => {
    const { sql } = database;
    const { key } = await createApiKey(sql, owner, { name: 'ci' });
    for (const wrong of ['', 'sy_', `${key}x`, key.slice(0, -1), 'sy_\u0000', "' or true --"]) {
      expect(await resolveApiKey(sql, wrong)).toBeNull();
    }
    const actor = await resolveApiKey(sql, key);
    await expect(createApiKey(sql, actor!, { name: 'more' })).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('leave a trace when they are made', async () => {
    const { sql } = database;
    const { id } = await createApiKey(sql, owner, { name: 'traced' });
    expect(await sql`select action, user_id from audit where target_id = ${id}`).toEqual([
      { action: 'api-key.create', user_id: owner.userId },
    ]);
  });
});

describe('a user', () => {
  it('gets one personal account from any number of first requests at once', async () => {
    const { sql } = database;
    const userId = randomUUID() as UserId;
    const actors = await Promise.all(
      Array.from({ length: 8 }, () => resolveUser(sql, { userId, email: 'a@example.org' })),
    );
    expect(new Set(actors.map((actor) => actor.accountId)).size).toBe(1);
    expect(await resolveUser(sql, { userId, email: null })).toEqual(actors[0]);
    expect(await sql`select role from account_members where user_id = ${userId}`).toEqual([
      { role: 'owner' },
    ]);
  });
});

/** All that a stranger might have touched. */
async function fingerprint(sql: Database, owned: Owned): Promise<unknown> {
  return sql`
    select (select json_agg(t) from threads t where t.id = ${owned.threadId}) as thread,
      (select json_agg(r order by r.id) from runs r where r.project_id = ${owned.projectId}) as runs,
      (select json_agg(m order by m.id) from messages m where m.thread_id = ${owned.threadId}) as messages,
      (select json_agg(f order by f.id) from files f where f.project_id = ${owned.projectId}) as files,
      (select json_agg(p) from projects p where p.id = ${owned.projectId}) as project`;
}
