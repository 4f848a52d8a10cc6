import type { Knex } from 'knex';
import * as initialSchema from './001-initial-schema.ts';
import * as durableExecution from './002-durable-execution.ts';
import * as installationSecret from './003-installation-secret.ts';
import * as writtenParts from './004-written-parts.ts';
import * as syncedPolicies from './005-synced-policies.ts';

interface NamedMigration extends Knex.Migration {
  readonly name: string;
}

/** In order. A migration that has been released is never changed. */
const all: readonly NamedMigration[] = [
  { name: '001-initial-schema', ...initialSchema },
  { name: '002-durable-execution', ...durableExecution },
  { name: '003-installation-secret', ...installationSecret },
  { name: '004-written-parts', ...writtenParts },
  { name: '005-synced-policies', ...syncedPolicies },
];

export const migrations: Knex.MigrationSource<NamedMigration> = {
  getMigrations: async () => [...all],
  getMigrationName: ({ name }) => name,
  getMigration: async (migration) => migration,
};
