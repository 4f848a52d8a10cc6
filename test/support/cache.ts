import type { Redis } from 'ioredis';
import { createCaches } from '../../src/cache/create-caches.ts';
import type { CacheDefinition, NamedCache } from '../../src/cache/named-cache.ts';
import { connectRedis, connectSubscriberRedis } from '../../src/queue/redis.ts';
import { eventually } from './eventually.ts';

export interface Value {
  readonly text: string;
}

/** One process's cache of that definition. */
export interface TestCache {
  readonly cache: NamedCache<Value>;
  /** Undefined without Redis. */
  readonly redis: Redis | undefined;
  close(): void;
}

export const PLAIN: CacheDefinition<Value> = {
  version: 1,
  ttlMs: 60_000,
  maxBytes: 1024 * 1024,
  secondLevel: true,
  coherent: false,
};

/** @param url of the Redis behind it; undefined for the first level alone. Resolves once it is connected. */
export async function openTestCache(
  definition: Partial<CacheDefinition<Value>>,
  url?: string,
): Promise<TestCache> {
  const shared =
    url === undefined ? undefined : { redis: connectRedis(url), subscriber: connectSubscriberRedis(url) };
  const { caches, close } = createCaches<{ test: Value }>({
    definitions: { test: { ...PLAIN, ...definition } },
    secret: Buffer.from('the same in each process'),
    shared,
  });
  if (shared) {
    await Promise.all([shared.redis, shared.subscriber].map(ready));
  }
  if (shared && definition.coherent) {
    // Its subscription stands when a second look-up finds the first one's value.
    await eventually(async () => {
      let loads = 0;
      const load = async () => ({ text: String(++loads) });
      await caches.test.get(['subscribed?'], load);
      await caches.test.get(['subscribed?'], load);
      await caches.test.delete(['subscribed?']);
      return loads < 2 ? true : undefined;
    });
  }
  return {
    cache: caches.test,
    redis: shared?.redis,
    close() {
      close();
      shared?.redis.disconnect();
      shared?.subscriber.disconnect();
    },
  };
}

async function ready(connection: Redis): Promise<void> {
  if (connection.status !== 'ready') await new Promise((resolve) => connection.once('ready', resolve));
}

/** A load that waits to be let go, and counts how often it was called. */
export function heldLoad(text: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const called = Promise.withResolvers<void>();
  const load = Object.assign(
    async (): Promise<Value> => {
      load.calls += 1;
      called.resolve();
      await promise;
      return { text };
    },
    { calls: 0, release: resolve, called: called.promise },
  );
  return load;
}
