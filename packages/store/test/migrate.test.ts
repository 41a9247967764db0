import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../src/index.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './database.ts';
import { newActor, newClaimedRun } from './fixtures.ts';

describe('migrate', () => {
  it('applies every migration once, in order, and then none', async () => {
    const database = await createEmptyDatabase();
    const lines: string[] = [];
    const files = (await readdir(new URL('../migrations/', import.meta.url))).sort();
    expect(await migrate({ url: database.url, log: (line) => lines.push(line) })).toEqual(files);
    expect(lines).toEqual(files.map((file) => `applied ${file}`));
    expect(await migrate({ url: database.url })).toEqual([]);
    await database.drop();
  });

  it('lets one of several processes do the work while the others wait for it', async () => {
    const database = await createEmptyDatabase();
    const { url } = database;
    const done = await Promise.all([migrate({ url }), migrate({ url }), migrate({ url })]);
    const files = await readdir(new URL('../migrations/', import.meta.url));
    expect(done.map((applied) => applied.length).sort((a, b) => a - b)).toEqual([0, 0, files.length]);
    await database.drop();
  });

  it('keeps its count where the Supabase CLI looks for it', async () => {
    const database = await createEmptyDatabase();
    await migrate({ url: database.url });
    const [first] = await database.sql`
      select version, name from supabase_migrations.schema_migrations order by version limit 1`;
    expect(first).toEqual({ version: '20261123090000', name: 'tables' });
    await database.drop();
  });

  it('closes tables to the public key even where a project grants everything by default', async () => {
    const database = await createEmptyDatabase();
    const { sql, url } = database;
    // What Supabase sets up for the schema `public`.
    await sql.unsafe(`
      grant usage on schema public to anon, authenticated;
      alter default privileges in schema public grant all on tables to anon, authenticated;
      alter default privileges in schema public grant all on sequences to anon, authenticated;
      alter default privileges in schema public grant all on functions to anon, authenticated;`);
    await migrate({ url });
    expect(await openingsOf(database)).toEqual([]);
    await database.drop();
  });
});

describe('the public key', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    const actor = await newActor(database.sql);
    await newClaimedRun(database.sql, actor);
  });
  afterAll(async () => database.drop());

  it('reads no table and calls no function', async () => {
    const tables = await tablesOf(database);
    expect(tables).toEqual(
      expect.arrayContaining(
        'accounts account_members projects threads messages parts runs usage api_keys files approvals audit'.split(
          ' ',
        ),
      ),
    );
    expect(await openingsOf(database)).toEqual([]);
  });

  it('reads no row even of a table that was granted by mistake', async () => {
    const { sql } = database;
    await sql`grant usage on schema public to anon, authenticated`;
    await sql`grant select on all tables in schema public to anon, authenticated`;
    const tables = await tablesOf(database);
    for (const role of ['anon', 'authenticated']) {
      await sql.begin(async (transaction) => {
        await transaction`set local role ${transaction(role)}`;
        for (const table of tables) {
          expect(await transaction`select * from ${transaction(table)}`, `${role} on ${table}`).toHaveLength(
            0,
          );
        }
      });
    }
    expect(await sql`select from runs`).toHaveLength(1);
  });
});

async function tablesOf({ sql }: TestDatabase): Promise<string[]> {
  const rows = await sql<
    { name: string }[]
  >`select tablename as name from pg_tables where schemaname = 'public'`;
  return rows.map(({ name }) => name);
}

/** Everything that the public key's roles could do: nothing, one hopes. */
async function openingsOf(database: TestDatabase): Promise<string[]> {
  const { sql } = database;
  const openings: string[] = [];
  const unguarded = await sql<{ name: string }[]>`
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and (not c.relrowsecurity or exists (select from pg_policy p where p.polrelid = c.oid))`;
  openings.push(...unguarded.map(({ name }) => `${name} has no closed row-level security`));
  const functions = await sql<{ call: string }[]>`
    select p.oid::regprocedure::text as call from pg_proc p
    where p.pronamespace = 'public'::regnamespace
      and (has_function_privilege('anon', p.oid, 'execute') or has_function_privilege('authenticated', p.oid, 'execute'))`;
  openings.push(...functions.map(({ call }) => `${call} can be called`));
  for (const role of ['anon', 'authenticated']) {
    const session = await sql.reserve();
    await session`set role ${session(role)}`;
    for (const table of await tablesOf(database)) {
      const statements = {
        select: session`select from ${session(table)}`,
        delete: session`delete from ${session(table)}`,
        insert: session`insert into ${session(table)} default values`,
      };
      for (const [name, statement] of Object.entries(statements)) {
        const code = await statement.then(
          () => 'none',
          (error: { code: string }) => error.code,
        );
        // 42501: permission denied.
        if (code !== '42501') openings.push(`${role} may ${name} on ${table}: ${code}`);
      }
    }
    await session`reset role`;
    session.release();
  }
  return openings;
}
