import { measureFaults } from '../cache/faults.ts';
import { measureOverHttp } from '../cache/http.ts';
import { measureLevels } from '../cache/levels.ts';
import type { Figure } from '../support/figures.ts';
import { startBenchPostgres } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';

/** What the caches save, what they cost, and what they do when Redis hangs. */
export async function run(): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  await using redis = await startRedis();
  const overHttp = await measureOverHttp(await postgres.createDatabase('over_http'));
  if (!redis) return overHttp;
  return [
    ...overHttp,
    ...(await measureLevels(await postgres.createDatabase('levels'), redis)),
    ...(await measureFaults(await postgres.createDatabase('faults'), redis)),
  ];
}
