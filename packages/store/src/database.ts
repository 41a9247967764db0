import postgres from 'postgres';

/** A pool of connections to Postgres (postgres.js); every verb takes it first. */
export type Database = postgres.Sql;

/**
 * Opens a pool; connections are made on first use. Behind a transaction pooler (port 6543, or `pgbouncer=true` in the
 * url) statements are not prepared, since the next one may run on another server connection.
 */
export function connectDatabase({
  url,
  maxConnections = 10,
  applicationName = 'switchyard',
}: {
  readonly url: string;
  readonly maxConnections?: number;
  readonly applicationName?: string;
}): Database {
  const target = new URL(url);
  const isPooled = target.port === '6543' || target.searchParams.get('pgbouncer') === 'true';
  // Other clients' options, which urls are copied with: the server would refuse them as its own.
  for (const name of ['pgbouncer', 'connection_limit', 'pool_timeout', 'schema'])
    target.searchParams.delete(name);
  return postgres(target.href, {
    max: maxConnections,
    prepare: !isPooled,
    connect_timeout: 10,
    connection: { application_name: applicationName },
    onnotice: () => {},
  });
}
