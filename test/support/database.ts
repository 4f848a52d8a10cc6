import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A migrated and seeded database of the caller's own, on the run's Postgres server. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: emptyDatabaseUrl() });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await run(`create database ${name} template postgres`);
  return { url: urlOf(name), drop: () => run(`drop database ${name} with (force)`) };
}

/** A database without tables. The prepared one is the server's default: it cannot be copied while anybody is in it. */
export function emptyDatabaseUrl(): string {
  return urlOf('template1');
}

function urlOf(database: string): string {
  const server = process.env.MEARI_TEST_POSTGRES;
  if (!server) throw new Error('no test Postgres: run the tests by `npm test`');
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
