import { randomBytes } from 'node:crypto';
import pg from 'pg';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A migrated and seeded database of the caller's own, on the run's Postgres server. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = process.env.MEARI_TEST_POSTGRES;
  if (!server) throw new Error('no test Postgres: run the tests by `npm test`');
  const name = `test_${randomBytes(6).toString('hex')}`;
  // The prepared database is the server's default one; a copy needs a connection to another.
  const maintenance = new URL(server);
  maintenance.pathname = '/template1';
  const run = async (sql: string) => {
    const client = new pg.Client({ connectionString: maintenance.href });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await run(`create database ${name} template postgres`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(`drop database ${name} with (force)`) };
}
