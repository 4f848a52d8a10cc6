import { join } from 'node:path';
import { readConfig } from './config.ts';
import { StartupError } from './errors.ts';
import { prepareDatabase } from './store/database.ts';
import { startEmbeddedPostgres } from './store/embedded-postgres.ts';

/** `npm run migrate`: brings the database up to date without starting the service, as a deployment wants it. */
async function migrate(): Promise<void> {
  const { database, dataDir } = readConfig(process.env);
  const server = database.url
    ? undefined
    : await startEmbeddedPostgres({ directory: join(dataDir, 'postgres') });
  try {
    await prepareDatabase(database.url ?? server?.url ?? '');
    process.stdout.write('meari: the database is up to date\n');
  } finally {
    await server?.stop();
  }
}

try {
  await migrate();
} catch (error) {
  if (!(error instanceof StartupError)) throw error;
  process.stderr.write(`meari: ${error.message}\n`);
  process.exitCode = 1;
}
