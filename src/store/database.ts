import knex, { type Knex } from 'knex';
import { StartupError } from '../errors.ts';
import { isDatabaseUnavailable } from './database-errors.ts';
import { migrations } from './migrations/index.ts';
import { prepareStatements, type QueryingConnection } from './prepared-statements.ts';
import { seedCorpus } from './seeds/seed-corpus.ts';

export type Database = Knex;

export interface DatabaseOptions {
  readonly url: string;
  readonly poolMax: number;
}

/** Milliseconds. A statement of this service reads or writes a few rows by index; more is a fault. */
export const STATEMENT_TIMEOUT_MS = 5_000;
/** Milliseconds after which a server that has not even answered that it gave up counts as hung. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 500;
/** Milliseconds to reach the server, and to wait for a free connection: a dead database is answered within 2 s. */
const CONNECT_TIMEOUT_MS = 1_500;

export function connectDatabase({ url, poolMax }: DatabaseOptions): Database {
  return connect(url, poolMax, { statement_timeout: STATEMENT_TIMEOUT_MS, query_timeout: ANSWER_TIMEOUT_MS });
}

function connect(url: string, poolMax: number, timeouts: object): Database {
  return knex({
    client: 'pg',
    connection: {
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'meari',
      ...timeouts,
    },
    pool: {
      min: 0,
      max: poolMax,
      // A connection whose answer never came still waits for it: another one is opened in its place.
      validate: (connection: { readyForQuery?: boolean }) => connection.readyForQuery === true,
      afterCreate(connection: QueryingConnection, done: () => void) {
        prepareStatements(connection);
        done();
      },
    },
    acquireConnectionTimeout: CONNECT_TIMEOUT_MS,
    // An error's message would hold the values of its statement, which may be what a user wrote.
    compileSqlOnError: false,
    // Knex would print faults that are thrown as well, past the service's own log.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
  });
}

/** Any number that no other application on the same database uses for an advisory lock. */
const MIGRATION_LOCK = 7_041_120_011;

/**
 * Brings schema and corpus up to date. Several processes may call it at the same time: one works, the others wait.
 *
 * @throws {StartupError} when the database cannot be reached.
 */
export async function prepareDatabase(url: string): Promise<void> {
  // On connections of its own, without time limits: a migration may take long, and so may the wait for another's.
  const database = connect(url, 3, {});
  try {
    await database.raw('select 1');
    await database.transaction(async (lock) => {
      // Held by this transaction alone, so that a killed process leaves no lock behind, as knex's lock table would.
      await lock.raw('select pg_advisory_xact_lock(?)', [MIGRATION_LOCK]);
      const migrator = database.migrate;
      await migrator.forceFreeMigrationsLock({ migrationSource: migrations });
      await migrator.latest({ migrationSource: migrations });
      await seedCorpus(database);
    });
  } catch (cause) {
    if (!isDatabaseUnavailable(cause) && !isRefused(cause)) throw cause;
    throw new StartupError(`DATABASE_URL: the database cannot be reached (${describeConnectError(cause)})`, {
      cause,
    });
  } finally {
    await database.destroy();
  }
}

/** Class 28 (authorization) and 3D (no such database) of Postgres: somebody answers, and says no. */
function isRefused(error: unknown): boolean {
  return /^(28|3D)/.test((error as { code?: string }).code ?? '');
}

function describeConnectError(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message?.split('\n')[0] ?? 'unknown error';
}
