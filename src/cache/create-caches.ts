import type { Redis } from 'ioredis';
import { createCacheBus } from './cache-bus.ts';
import { createCacheMetrics } from './cache-metrics.ts';
import type { CacheDefinition, NamedCache } from './named-cache.ts';
import { type OpenCache, openCache } from './open-cache.ts';
import { createRedisLevel } from './redis-level.ts';

export interface CachesOptions<Values> {
  readonly definitions: { readonly [Name in keyof Values]: CacheDefinition<Values[Name]> };
  /** Of this installation, the same in each of its processes: keys tell nothing without it. */
  readonly secret: Buffer;
  /** Undefined: one process, the first level alone. */
  readonly shared: { readonly redis: Redis; readonly subscriber: Redis } | undefined;
}

export type Caches<Values> = { readonly [Name in keyof Values]: NamedCache<Values[Name]> };

/** The named caches of this process, on bentocache: memory in front of Redis, kept in step by a bus. */
export function createCaches<Values extends Record<keyof Values, unknown>>(options: CachesOptions<Values>) {
  const { definitions, secret, shared } = options;
  const metrics = createCacheMetrics();
  const redis = shared && createRedisLevel(shared.redis, metrics.faulted);
  const opened: OpenCache<unknown>[] = [];
  const bus =
    shared &&
    createCacheBus({
      publisher: shared.redis,
      subscriber: shared.subscriber,
      onRestored: () => {
        for (const { forgetAll, definition } of opened) if (definition.coherent) forgetAll();
      },
    });
  for (const [name, definition] of Object.entries(definitions as Record<string, CacheDefinition<unknown>>)) {
    opened.push(openCache({ name, definition, secret, metrics, redis, bus }));
  }
  const endObservation = metrics.observe(
    opened.map(({ name, memory: { entries } }) => ({
      name,
      bytes: () => entries.calculatedSize,
      entries: () => entries.size,
    })),
    redis?.isAvailable,
  );
  return {
    caches: Object.fromEntries(opened.map(({ name, cache }) => [name, cache])) as Caches<Values>,
    close(): void {
      endObservation();
      bus?.close();
      redis?.close();
    },
  };
}
