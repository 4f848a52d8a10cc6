import { LRUCache } from 'lru-cache';
import { cachedSessions } from '../../src/cache/cached/sessions.ts';
import { CACHE_DEFINITIONS } from '../../src/cache/caches.ts';
import { createCaches } from '../../src/cache/create-caches.ts';
import { connectRedis, connectSubscriberRedis } from '../../src/queue/redis.ts';
import { connectDatabase, prepareDatabase } from '../../src/store/database.ts';
import { createSessionRepository } from '../../src/store/repositories/session-repository.ts';
import { eventually } from '../../test/support/eventually.ts';
import { newGuests, openSession, textOf } from '../support/client.ts';
import { type Figure, figure, median, timed } from '../support/figures.ts';
import type { RedisProcess } from '../support/redis.ts';
import { startServiceProcess } from '../support/service-process.ts';

const SESSIONS = 60;
const ROUNDS = 5;
const HITS = 100_000;

/** A finished session from each level, and the price of the library in front of lru-cache. */
export async function measureLevels(databaseUrl: string, redis: RedisProcess): Promise<Figure[]> {
  await prepareDatabase(databaseUrl);
  const { userId, ids } = await createSessions(databaseUrl);
  const database = connectDatabase({ url: databaseUrl, poolMax: 1 });
  const sessions = createSessionRepository(database);
  const open = async () => {
    const process = await openProcess(redis.url);
    return { ...process, sessions: cachedSessions(sessions, process.caches.sessions) };
  };
  const times = { database: [] as number[], second: [] as number[], first: [] as number[] };
  const filled = await open();
  for (const id of ids) await filled.sessions.find(userId, id);
  for (let round = 0; round < ROUNDS; round++) {
    // Nothing in its memory yet: its first look finds what the first process has put into Redis.
    const fresh = await open();
    for (const id of ids) {
      times.database.push(await timed(() => sessions.find(userId, id)));
      times.second.push(await timed(() => fresh.sessions.find(userId, id)));
      times.first.push(await timed(() => fresh.sessions.find(userId, id)));
    }
    fresh.close();
  }
  filled.close();
  await database.destroy();
  return [
    figure('finished session, no cache', median(times.database), 'ms'),
    figure('finished session, second level', median(times.second), 'ms'),
    figure('finished session, first level', median(times.first), 'ms'),
    figure('no cache against second level', median(times.database) / median(times.second), '×'),
    figure('no cache against first level', median(times.database) / median(times.first), '×'),
    ...(await priceOfTheLibrary()),
  ];
}

/** The caches as one process of the service has them. */
async function openProcess(url: string) {
  const shared = { redis: connectRedis(url), subscriber: connectSubscriberRedis(url) };
  const { caches, close } = createCaches({
    definitions: CACHE_DEFINITIONS,
    secret: Buffer.from('bench'),
    shared,
  });
  await eventually(async () => {
    let loads = 0;
    const load = async () => {
      loads += 1;
      return { userId: 'nobody', expiresAt: 0 };
    };
    // The second one is a hit once deletions are heard of.
    for (let look = 0; look < 2; look++) await caches.logins.get(['connected?'], load);
    return shared.redis.status === 'ready' && loads < 2 ? true : undefined;
  });
  return {
    caches,
    close() {
      close();
      shared.redis.disconnect();
      shared.subscriber.disconnect();
    },
  };
}

async function createSessions(databaseUrl: string): Promise<{ userId: string; ids: string[] }> {
  await using service = await startServiceProcess({ env: { DATABASE_URL: databaseUrl }, isFast: true });
  const [cookie = ''] = await newGuests(service.url, 1);
  const ids: string[] = [];
  for (let index = 0; index < SESSIONS; index++) {
    const text = await textOf(await openSession(service.url, cookie, {}, `매일 야근해요 ${index}`));
    ids.push(JSON.parse(text).session_id);
  }
  const database = connectDatabase({ url: databaseUrl, poolMax: 1 });
  const user = await database('users')
    .first('id')
    .finally(() => database.destroy());
  return { userId: user.id, ids };
}

/** A hit in the first level, with key, statistics and joined look-ups, against `get` of the map under it. */
async function priceOfTheLibrary(): Promise<Figure[]> {
  const { caches, close } = createCaches({
    definitions: CACHE_DEFINITIONS,
    secret: Buffer.from('bench'),
    shared: undefined,
  });
  const bare = new LRUCache<string, object>({ max: 1_000 });
  bare.set('key', {});
  const load = async () => [];
  await caches.tags.get(['key'], load);
  const perHit = { cache: [] as number[], bare: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    const cached = await timed(async () => {
      for (let hit = 0; hit < HITS; hit++) await caches.tags.get(['key'], load);
    });
    const lru = await timed(async () => {
      for (let hit = 0; hit < HITS; hit++) await bare.get('key');
    });
    perHit.cache.push(cached / HITS);
    perHit.bare.push(lru / HITS);
  }
  close();
  return [
    figure('hit in the first level', median(perHit.cache) * 1_000, 'µs'),
    figure('get of a bare lru-cache', median(perHit.bare) * 1_000, 'µs'),
  ];
}
