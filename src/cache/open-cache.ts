import { EventEmitter } from 'node:events';
import { BentoCache, bentostore, errors } from 'bentocache';
import type { CacheEvents } from 'bentocache/types';
import type { CacheBus } from './cache-bus.ts';
import type { CacheMetrics, LookupResult } from './cache-metrics.ts';
import { keyDigest } from './key-digest.ts';
import { entrySerializer, MemoryLevel } from './memory-level.ts';
import type { CacheDefinition, NamedCache } from './named-cache.ts';
import type { RedisLevel } from './redis-level.ts';

/** Milliseconds added to the time of an older value after a load that failed: no other try while they last. */
const BACKOFF_MS = 10_000;

export interface OpenCacheOptions<Value> {
  readonly name: string;
  readonly definition: CacheDefinition<Value>;
  readonly secret: Buffer;
  readonly metrics: CacheMetrics;
  readonly redis: RedisLevel | undefined;
  readonly bus: CacheBus | undefined;
}

export interface OpenCache<Value> {
  readonly name: string;
  readonly definition: CacheDefinition<Value>;
  readonly memory: MemoryLevel;
  /** Empties the first level, and keeps nothing of what is being read. */
  forgetAll(): void;
  readonly cache: NamedCache<Value>;
}

/** A look-up under way, and how it was answered. */
interface Flight<Value> {
  readonly value: Promise<Value>;
  result: LookupResult;
  /** Its key was deleted meanwhile: who asks from then on asks anew, and what it brings is not kept. */
  isDeleted: boolean;
}

/** One named cache: bentocache, with look-ups of the same key joined, and deletions that a load cannot undo. */
export function openCache<Value>(options: OpenCacheOptions<Value>): OpenCache<Value> {
  const { name, definition, secret, metrics, redis, bus } = options;
  const { coherent, secondLevel } = definition;
  const prefix = `meari:cache:${name}:v${definition.version}`;
  const flights = new Map<string, Flight<Value>>();
  const loads = new Map<string, { running: number; deleted: boolean }>();

  const memory = new MemoryLevel(prefix, {
    maxBytes: definition.maxBytes,
    onEvicted: () => metrics.evicted(name),
    onDeleted(digest) {
      const load = loads.get(digest);
      if (load) load.deleted = true;
      const flight = flights.get(digest);
      if (flight) flight.isDeleted = true;
      flights.delete(digest);
    },
  });
  const emitter = new EventEmitter();
  emitter.on('cache:hit', ({ key, layer, graced }: CacheEvents['cache:hit']) => {
    const flight = flights.get(key);
    if (flight) flight.result = graced ? 'stale' : layer;
  });
  const store = bentostore({
    prefix,
    ttl: definition.ttlMs,
    grace: definition.graceMs ?? false,
    graceBackoff: BACKOFF_MS,
    ...(definition.softLimitMs === undefined ? {} : { timeout: definition.softLimitMs }),
  }).useL1Layer({ options: {}, factory: () => memory });
  if (redis && secondLevel) store.useL2Layer({ options: {}, factory: () => redis.open(prefix) });
  if (bus && coherent) {
    // Nothing is sent again: a process that missed a deletion forgets what it knew.
    store.useBus({
      options: { retryQueue: { enabled: false, retryInterval: false } },
      factory: () => bus.transport,
    });
  }
  const bento = new BentoCache({
    default: name,
    stores: { [name]: store },
    emitter,
    serializer: entrySerializer,
  });
  const provider = bento.use();

  async function timedLoad(load: () => Promise<Value>): Promise<Value> {
    const startedAt = performance.now();
    let outcome: 'ok' | 'error' = 'error';
    try {
      const value = await load();
      outcome = 'ok';
      return value;
    } finally {
      metrics.loaded(name, outcome, performance.now() - startedAt);
    }
  }

  /** Loads, and says whether the value may be kept: not when its key was deleted meanwhile. */
  async function loadOnce(
    digest: string,
    load: () => Promise<Value>,
  ): Promise<{ value: Value; keep: boolean }> {
    const record = loads.get(digest) ?? { running: 0, deleted: false };
    loads.set(digest, record);
    record.running += 1;
    try {
      const value = await timedLoad(load);
      return { value, keep: !record.deleted && (definition.keeps?.(value) ?? true) };
    } finally {
      record.running -= 1;
      if (record.running === 0) loads.delete(digest);
    }
  }

  async function read(digest: string, load: () => Promise<Value>): Promise<Value> {
    let loaded: { readonly value: Value } | undefined;
    try {
      const kept = await provider.getOrSet<Value | undefined>({
        key: digest,
        // Others hear of deletions alone: what each of them holds runs out by itself.
        skipBusNotify: true,
        async factory({ skip }) {
          const { value, keep } = await loadOnce(digest, load);
          loaded = { value };
          return keep ? value : skip();
        },
      });
      return loaded ? loaded.value : (kept as Value);
    } catch (error) {
      throw error instanceof errors.E_FACTORY_ERROR ? error.cause : error;
    }
  }

  function takeOff(digest: string, load: () => Promise<Value>): Flight<Value> {
    const value = read(digest, load).finally(() => {
      if (flights.get(digest) === flight) flights.delete(digest);
      if (flight.isDeleted) memory.forget(digest);
    });
    const flight: Flight<Value> = { value, result: 'miss', isDeleted: false };
    flights.set(digest, flight);
    return flight;
  }

  const digestOf = keyDigest(secret);

  return {
    name,
    definition,
    memory,
    forgetAll() {
      for (const load of loads.values()) load.deleted = true;
      for (const flight of flights.values()) flight.isDeleted = true;
      flights.clear();
      memory.entries.clear();
    },
    cache: {
      async get(key, load) {
        const startedAt = performance.now();
        let result: LookupResult = 'bypassed';
        try {
          if (coherent && bus && !bus.isHealthy()) return await timedLoad(load);
          const digest = digestOf(key);
          const joined = flights.get(digest);
          const flight = joined ?? takeOff(digest, load);
          try {
            return await flight.value;
          } finally {
            result = joined && flight.result === 'miss' ? 'coalesced' : flight.result;
          }
        } finally {
          metrics.lookedUp(name, result, performance.now() - startedAt);
        }
      },

      async delete(key) {
        await provider.delete({ key: digestOf(key) });
      },
    },
  };
}
