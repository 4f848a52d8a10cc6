import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import type { CacheDefinition } from '../../src/cache/named-cache.ts';
import { heldLoad, openTestCache, type TestCache, type Value } from '../support/cache.ts';
import { eventually } from '../support/eventually.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const KEY = ['key'];
const value = (text: string) => async (): Promise<Value> => ({ text });

let redis: TestRedis;
const opened: TestCache[] = [];

/** A cache as another process would have it. */
async function open(definition: Partial<CacheDefinition<Value>> = {}, url = redis.url) {
  const cache = await openTestCache(definition, url);
  opened.push(cache);
  return cache.cache;
}

async function admin<T>(work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url);
  return work(client).finally(() => client.disconnect());
}

const textOf = async (cache: Awaited<ReturnType<typeof open>>, loaded: string) =>
  (await cache.get(KEY, value(loaded))).text;

describe('Redis behind the caches is disposable', () => {
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const { close } of opened.splice(0)) close();
    await redis.stop();
  });

  test('what one process has loaded another one finds, unless its shape is another', async () => {
    const [one, two, later] = [await open(), await open(), await open({ version: 2 })];
    assert.equal(await textOf(one, 'first'), 'first');
    assert.equal(await textOf(two, 'second'), 'first');
    assert.equal(await textOf(later, 'of version 2'), 'of version 2');
  });

  test('killed: the first level and the loader answer; back again: it is used again', async () => {
    const cache = await open();
    await textOf(cache, 'known');
    await redis.stop();
    assert.equal(await textOf(cache, 'new'), 'known');
    assert.equal((await cache.get(['other'], value('loaded'))).text, 'loaded');

    redis = await startRedis({ port: redis.port });
    const other = await open();
    let keys = 0;
    await eventually(async () => {
      const key = [`after ${++keys}`];
      await cache.get(key, value('shared'));
      return (await other.get(key, value('not shared'))).text === 'shared' ? true : undefined;
    });
  });

  test('hung: the loader answers, and those after it are not held up at all', async () => {
    const cache = await open();
    process.kill(redis.pid, 'SIGSTOP');
    assert.equal(await textOf(cache, 'loaded'), 'loaded');
    // Each of these would wait, one after the other, if the silence of the first had not been remembered.
    for (let index = 0; index < 100; index++) {
      assert.equal((await cache.get([index], value(`${index}`))).text, `${index}`);
    }
    process.kill(redis.pid, 'SIGCONT');
  });

  test('emptied: what is not there is loaded', async () => {
    const [one, two] = [await open(), await open()];
    await textOf(one, 'first');
    await admin((client) => client.flushall());
    assert.equal(await textOf(two, 'second'), 'second');
  });

  for (const [what, spoil] of Object.entries({
    'random bytes': (client, key) => client.set(key, Buffer.from([0xff, 0x00, 0xfe, 0x7b])),
    'an entry cut off': async (client, key) => client.set(key, ((await client.get(key)) ?? '').slice(0, -3)),
    'an entry with a word changed': async (client, key) =>
      client.set(key, ((await client.get(key)) ?? '').replace('first', 'forged')),
    'JSON of somebody else': (client, key) => client.set(key, '{"value":"not ours"}'),
    'another type': async (client, key) => {
      await client.del(key);
      await client.lpush(key, 'a list');
    },
    'nothing at all': (client, key) => client.set(key, ''),
  } satisfies Record<string, (client: Redis, key: string) => Promise<unknown>>)) {
    test(`filled with garbage (${what}): a miss, and no error`, async () => {
      const [one, two, three] = [await open(), await open(), await open()];
      await textOf(one, 'first');
      await admin(async (client) => {
        const keys = await client.keys('meari:cache:*');
        assert.equal(keys.length, 1);
        for (const key of keys) await spoil(client, key);
      });
      assert.equal(await textOf(two, 'loaded anew'), 'loaded anew');
      // The rest of Redis is still used: garbage is no reason to give it up.
      await two.get(['other'], value('shared'));
      assert.equal((await three.get(['other'], value('not shared'))).text, 'shared');
    });
  }

  test('maxmemory reached: nothing more is shared, what is there is read', async () => {
    const [one, two] = [await open(), await open()];
    await textOf(one, 'shared before');
    await admin(async (client) => {
      await client.config('SET', 'maxmemory-policy', 'noeviction');
      await client.config('SET', 'maxmemory', '1');
    });
    assert.equal((await one.get(['other'], value('loaded'))).text, 'loaded');
    assert.equal(await textOf(two, 'loaded'), 'shared before');
  });
});

describe('a deletion', () => {
  let proxy: TcpProxy;
  const COHERENT = { coherent: true, ttlMs: 3_600_000 };
  beforeEach(async () => {
    redis = await startRedis();
    proxy = await startProxy(redis.port);
  });
  afterEach(async () => {
    for (const { close } of opened.splice(0)) close();
    await proxy[Symbol.asyncDispose]();
    await redis.stop();
  });
  after(() => redis.stop());

  test('is seen by the first level of another process', async () => {
    const [one, two] = [await open(COHERENT), await open(COHERENT)];
    await textOf(one, 'old');
    assert.equal(await textOf(two, 'not loaded'), 'old');
    await two.delete(KEY);
    await eventually(async () => ((await textOf(one, 'new')) === 'new' ? true : undefined));
  });

  test('is not undone by a load that another process had begun before', async () => {
    const [one, two, three] = [await open(COHERENT), await open(COHERENT), await open(COHERENT)];
    const load = heldLoad('deleted meanwhile');
    const reading = one.get(KEY, load);
    await load.called;
    await two.delete(KEY);
    load.release();
    await reading;
    assert.equal(await textOf(three, 'the truth'), 'the truth');
  });

  test('while Redis is away is made up for when it is back', async () => {
    const [near, far] = [await open(COHERENT), await open(COHERENT, proxy.through(redis.url))];
    await textOf(far, 'old');
    proxy.cut();
    await far.delete(KEY);
    assert.equal(await textOf(far, 'the truth'), 'the truth');
    await proxy.restore();
    await eventually(async () => ((await textOf(near, 'the truth')) === 'the truth' ? true : undefined));
  });

  test('is made although Redis is full', async () => {
    const [one, two] = [await open(COHERENT), await open(COHERENT)];
    await textOf(one, 'old');
    await admin(async (client) => {
      await client.config('SET', 'maxmemory-policy', 'noeviction');
      await client.config('SET', 'maxmemory', '1');
    });
    await one.delete(KEY);
    assert.equal(await textOf(two, 'the truth'), 'the truth');
  });

  test('is made although Redis has just been given up for a moment', async () => {
    const [near, far] = [await open(COHERENT), await open(COHERENT, proxy.through(redis.url))];
    await textOf(far, 'old');
    proxy.hang();
    await far.get(['given up'], value('loaded'));
    await proxy.restore();
    await far.delete(KEY);
    await eventually(async () => ((await textOf(near, 'the truth')) === 'the truth' ? true : undefined));
  });

  test('a message of somebody else on the bus is nobody’s business', async () => {
    const cache = await open(COHERENT);
    await textOf(cache, 'known');
    await admin(async (client) => {
      for (const name of ['meari:cache:bentocache.notifications:test', 'bentocache.notifications:test']) {
        for (const text of ['not json', 'null', '{"origin":"x"}']) await client.publish(name, text);
      }
    });
    assert.equal(await textOf(cache, 'new'), 'known');
  });

  test('is heard of again although the connection that would have told it has gone silent for ever', async () => {
    const [near, far] = [await open(COHERENT), await open(COHERENT, proxy.through(redis.url))];
    await textOf(far, 'old');
    proxy.silence();
    await near.delete(KEY);
    await eventually(async () => ((await textOf(far, 'the truth')) === 'the truth' ? true : undefined));
    let reads = 0;
    await eventually(async () => {
      const known = await textOf(far, `read ${reads++}`);
      return (await textOf(far, `read ${reads++}`)) === known ? true : undefined;
    });
  });

  test('that a process cannot hear of is not missed: it asks for the truth until it hears again', async () => {
    const [near, far] = [await open(COHERENT), await open(COHERENT, proxy.through(redis.url))];
    await textOf(far, 'old');
    proxy.hang();
    await near.delete(KEY);
    await eventually(async () => ((await textOf(far, 'the truth')) === 'the truth' ? true : undefined));
    await proxy.restore();
    // What it knew from before is forgotten, so that it cannot come back either.
    for (let index = 0; index < 20; index++) assert.equal(await textOf(far, 'the truth'), 'the truth');
  });
});
