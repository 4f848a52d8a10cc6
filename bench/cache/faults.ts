import { CACHE_DEFINITIONS } from '../../src/cache/caches.ts';
import { createCaches } from '../../src/cache/create-caches.ts';
import { connectRedis, connectSubscriberRedis } from '../../src/queue/redis.ts';
import { eventually } from '../../test/support/eventually.ts';
import { startProxy } from '../../test/support/tcp-proxy.ts';
import { newGuests, open, SESSIONS, textOf } from '../support/client.ts';
import { type Figure, figure, median, timed } from '../support/figures.ts';
import type { RedisProcess } from '../support/redis.ts';
import { startServiceProcess } from '../support/service-process.ts';

const ROUNDS = 20;
const LOOKUPS = 200;

/** What Redis adds when it hangs, and how soon one process knows of what happens in another. */
export async function measureFaults(databaseUrl: string, redis: RedisProcess): Promise<Figure[]> {
  return [...(await measureHang(redis)), ...(await measureLogout(databaseUrl, redis))];
}

/** Look-ups that have to be loaded, while Redis does not answer: all of them one after the other. */
async function measureHang(redis: RedisProcess): Promise<Figure[]> {
  await using proxy = await startProxy(Number(new URL(redis.url).port));
  const url = proxy.through(redis.url);
  const shared = { redis: connectRedis(url), subscriber: connectSubscriberRedis(url) };
  const { caches, close } = createCaches({
    definitions: CACHE_DEFINITIONS,
    secret: Buffer.from('bench'),
    shared,
  });
  await eventually(async () => (shared.redis.status === 'ready' ? true : undefined));
  const sources = { voices: [], insights: [], policies: [] };
  const lookUp = (key: number) => timed(() => caches.sources.get([key], async () => sources));
  await lookUp(-1);
  proxy.hang();
  const times: number[] = [];
  for (let key = 0; key < LOOKUPS; key++) times.push(await lookUp(key));
  close();
  shared.redis.disconnect();
  shared.subscriber.disconnect();
  return [
    figure('Redis hangs: the slowest look-up', Math.max(...times), 'ms', '≤ 50 ms'),
    figure('Redis hangs: look-ups, median', median(times), 'ms'),
  ];
}

/** From the answer to a logout at one process until another one refuses the login. */
async function measureLogout(databaseUrl: string, redis: RedisProcess): Promise<Figure[]> {
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: redis.url };
  await using one = await startServiceProcess({ env, isFast: true });
  await using two = await startServiceProcess({ env, isFast: true });
  const statusAtTwo = async (cookie: string) => {
    const response = await open(two.url + SESSIONS, { headers: { Cookie: cookie } });
    await textOf(response);
    return response.statusCode;
  };
  const times: number[] = [];
  for (const cookie of await newGuests(one.url, ROUNDS)) {
    // Twice, so that it is answered from memory.
    for (let look = 0; look < 2; look++) await statusAtTwo(cookie);
    const logout = await open(`${one.url}/auth/logout`, { method: 'POST', headers: { Cookie: cookie } });
    await textOf(logout);
    times.push(
      await timed(() => eventually(async () => ((await statusAtTwo(cookie)) === 401 ? true : undefined))),
    );
  }
  return [
    figure('a logout is seen by another process, median', median(times), 'ms'),
    figure('a logout is seen by another process, slowest', Math.max(...times), 'ms', '≤ 100 ms'),
  ];
}
