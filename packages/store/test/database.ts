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
  const admin = connectDatabase({ url: adminUrl, maxConnections: 1, applicationName: 'tests' });
  try {
    const template = await provideTemplate(admin, adminUrl);
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    await admin`create database ${admin(name)} template ${admin(template)}`;
    const url = urlOf(adminUrl, name);
    const sql = connectDatabase({ url, maxConnections, applicationName: 'tests' });
    return {
      url,
      sql,
      async drop() {
        await sql.end({ timeout: 5 });
        const dropper = connectDatabase({ url: adminUrl, maxConnections: 1, applicationName: 'tests' });
        await dropper`drop database if exists ${dropper(name)} with (force)`;
        await dropper.end({ timeout: 5 });
      },
    };
  } finally {
    await admin.end({ timeout: 5 });
  }
}

/** An empty database without our tables, for the tests of migrations. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const adminUrl = inject('postgresUrl');
  const admin = connectDatabase({ url: adminUrl, maxConnections: 1, applicationName: 'tests' });
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await admin`create database ${admin(name)}`;
  const url = urlOf(adminUrl, name);
  const sql = connectDatabase({ url, applicationName: 'tests' });
  return {
    url,
    sql,
    async drop() {
      await sql.end({ timeout: 5 });
      await admin`drop database if exists ${admin(name)} with (force)`;
      await admin.end({ timeout: 5 });
    },
  };
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
