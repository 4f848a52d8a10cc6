import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareDatabase } from '../../src/store/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts';

/** One Postgres server for the whole run. Each test file copies the prepared database (`createTestDatabase`). */

let directory: string;
let server: EmbeddedPostgres;

export async function globalSetup(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), 'meari-test-'));
  server = await startEmbeddedPostgres({
    directory,
    // A test database is thrown away: nothing has to survive a power cut.
    settings: ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200'],
  });
  await prepareDatabase(server.url);
  process.env.MEARI_TEST_POSTGRES = server.url;
}

export async function globalTeardown(): Promise<void> {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
}
