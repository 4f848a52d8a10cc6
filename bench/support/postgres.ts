import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDatabase } from '../../src/store/database.ts';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts';

export interface BenchPostgres extends AsyncDisposable {
  /** The URL of a new, empty database: what one measurement leaves behind is no load of the next. */
  createDatabase(name: string): Promise<string>;
}

/**
 * A Postgres server for services in processes of their own.
 *
 * @param settings as `name=value`.
 */
export async function startBenchPostgres(settings: readonly string[] = []): Promise<BenchPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'meari-bench-'));
  const server = await startEmbeddedPostgres({ directory, settings });
  const stop = async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
  // In a group of its own, so that Ctrl-C does not reach it.
  const stopAndExit = () => {
    // What fails because of the signal must not end the process before the server has stopped.
    process.on('uncaughtException', () => {});
    void stop().finally(() => process.exit(1));
  };
  process.on('SIGINT', stopAndExit).on('SIGTERM', stopAndExit);
  return {
    async createDatabase(name) {
      const database = connectDatabase({ url: server.url, poolMax: 1 });
      await database.raw('create database ??', [name]).finally(() => database.destroy());
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    async [Symbol.asyncDispose]() {
      process.off('SIGINT', stopAndExit).off('SIGTERM', stopAndExit);
      await stop();
    },
  };
}
