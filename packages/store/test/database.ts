import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { inject } from 'vitest';
import { connectDatabase, type Database, migrate } from '../src/index.ts';

export interface TestDatabase {
  readonly url: string;
  readonly sql: Database;
  /** Ends `sql` and removes the database, whoever is still connected. */
  drop(): Promise<void>;
}

/** Which test process makes the template: one. */
const lockKey = 7_305_818;

/** A migrated database of the test's own, on the throw-away cluster; copied from a template in some 50 ms. */
export async function createTestDatabase({
  maxConnections = 10,
}: { readonly maxConnections?: number } = {}): Promise<TestDatabase> {
  const adminUrl = inject('postgresUrl');
  return asAdmin(adminUrl, async (admin) => {
    const template = await provideTemplate(admin, adminUrl);
    return createDatabase(admin, { adminUrl, template, maxConnections });
  });
}

/** A database with nothing in it, for the tests of migrations. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const adminUrl = inject('postgresUrl');
  return asAdmin(adminUrl, (admin) =>
    createDatabase(admin, { adminUrl, template: 'template1', maxConnections: 10 }),
  );
}

async function createDatabase(
  admin: Database,
  options: { readonly adminUrl: string; readonly template: string; readonly maxConnections: number },
): Promise<TestDatabase> {
  const { adminUrl, template, maxConnections } = options;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await admin`create database ${admin(name)} template ${admin(template)}`;
  const url = urlOf(adminUrl, name);
  const sql = connectDatabase({ url, maxConnections, applicationName: 'tests' });
  return {
    url,
    sql,
    async drop() {
      await sql.end({ timeout: 5 });
      await asAdmin(adminUrl, (admin) => admin`drop database if exists ${admin(name)} with (force)`);
    },
  };
}

async function asAdmin<Result>(
  adminUrl: string,
  action: (admin: Database) => PromiseLike<Result>,
): Promise<Result> {
  const admin = connectDatabase({ url: adminUrl, maxConnections: 1, applicationName: 'tests' });
  try {
    return await action(admin);
  } finally {
    await admin.end({ timeout: 5 });
  }
}

/** Named by what the migrations say, so that a cluster that outlives an edit is not used with old tables. */
async function provideTemplate(admin: Database, adminUrl: string): Promise<string> {
  const folder = new URL('../migrations/', import.meta.url);
  const hash = createHash('sha256').update(await readFile(new URL('../bootstrap.sql', import.meta.url)));
  for (const file of (await readdir(folder)).sort()) hash.update(await readFile(new URL(file, folder)));
  const template = `template_${hash.digest('hex').slice(0, 16)}`;
  await admin`select pg_advisory_lock(${lockKey})`;
  try {
    const [existing] = await admin`select from pg_database where datname = ${template} and datistemplate`;
    if (!existing) {
      await admin`drop database if exists ${admin(template)} with (force)`;
      await admin`create database ${admin(template)}`;
      await migrate({ url: urlOf(adminUrl, template) });
      await admin`alter database ${admin(template)} is_template true`;
    }
  } finally {
    await admin`select pg_advisory_unlock(${lockKey})`;
  }
  return template;
}

function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}
