import { readdir, readFile } from 'node:fs/promises';
import type postgres from 'postgres';
import { connectDatabase } from './database.ts';

const packageFolder = new URL('..', import.meta.url);
const migrationName = /^(?<version>\d{14})_(?<name>[a-z0-9_]+)\.sql$/;
/** Every process that migrates takes this advisory lock: the number says nothing, but it must stay. */
const lockKey = 7_305_817;

/**
 * Applies the migrations that the database lacks, in order, each in a transaction, one process at a time; answers
 * their file names. What was applied is kept where the Supabase CLI keeps it, so that either may be used. Waits at most
 * a minute for another process. The url is a direct one: the lock belongs to a session, which a transaction pooler does
 * not keep.
 */
export async function migrate({
  url,
  log = () => {},
}: {
  readonly url: string;
  readonly log?: (line: string) => void;
}): Promise<string[]> {
  const sql = connectDatabase({ url, maxConnections: 1, applicationName: 'switchyard-migrate' });
  try {
    // One connection, so that the session's lock and the transactions are the same session's.
    await sql`select set_config('lock_timeout', '60s', false)`;
    await sql`select pg_advisory_lock(${lockKey})`;
    await sql.unsafe(await readFile(new URL('bootstrap.sql', packageFolder), 'utf8'));
    const applied = await sql<
      { version: string }[]
    >`select version from supabase_migrations.schema_migrations`;
    const known = new Set(applied.map((row) => row.version));
    const files = (await readdir(new URL('migrations/', packageFolder))).sort();
    const done: string[] = [];
    for (const file of files) {
      const { version, name } = migrationName.exec(file)?.groups ?? {};
      if (!version || !name) throw new Error(`migrations/${file} is not named <14 digits>_<name>.sql`);
      if (known.has(version)) continue;
      const text = await readFile(new URL(`migrations/${file}`, packageFolder), 'utf8');
      await sql.begin((transaction) => apply(transaction, { version, name, text }));
      log(`applied ${file}`);
      done.push(file);
    }
    return done;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function apply(
  transaction: postgres.TransactionSql,
  migration: { readonly version: string; readonly name: string; readonly text: string },
): Promise<void> {
  await transaction.unsafe(migration.text);
  await transaction`
    insert into supabase_migrations.schema_migrations (version, name, statements)
    values (${migration.version}, ${migration.name}, array[${migration.text}::text])`;
}
