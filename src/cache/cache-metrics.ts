import { type BatchObservableResult, metrics, trace } from '@opentelemetry/api';
import type { RedisFault } from './redis-level.ts';

/**
 * How a look-up was answered: `l1`, `l2`; `miss`, by a load of its own; `coalesced`, by the load of another;
 * `stale`, by an older value; `bypassed`, by a load because deletions elsewhere may be missing.
 */
export type LookupResult = 'l1' | 'l2' | 'miss' | 'coalesced' | 'stale' | 'bypassed';

/** What a cache tells about itself when it is asked. */
export interface CacheGauge {
  readonly name: string;
  readonly bytes: () => number;
  readonly entries: () => number;
}

/** Seconds: from a hit in memory to a language model. */
const BUCKETS_SECONDS = [0.00001, 0.0001, 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type CacheMetrics = ReturnType<typeof createCacheMetrics>;

/** One function for each thing that happens to a cache; label values come from closed sets. */
export function createCacheMetrics() {
  const meter = metrics.getMeter('meari');
  const advice = { explicitBucketBoundaries: BUCKETS_SECONDS };
  const lookups = meter.createHistogram('meari.cache.lookup.duration', {
    description: 'Look-ups in a cache, by how they were answered.',
    unit: 's',
    advice,
  });
  const loads = meter.createHistogram('meari.cache.load.duration', {
    description: 'Loads of what a cache did not have, or refreshed, by outcome.',
    unit: 's',
    advice,
  });
  const evictions = meter.createCounter('meari.cache.evictions', {
    description: 'Values that the first level gave up to make room for others.',
  });
  const faults = meter.createCounter('meari.cache.second_level.faults', {
    description:
      'Times that Redis did not answer (unreachable), answered an error (refused) or kept no entry (corrupt).',
  });
  const savings = new Map<string, Saving>();

  return {
    lookedUp(cache: string, result: LookupResult, durationMs: number) {
      lookups.record(durationMs / 1000, { cache, result });
      trace.getActiveSpan()?.addEvent('cache.lookup', { 'cache.name': cache, 'cache.result': result });
      const saving = savings.get(cache) ?? createSaving();
      savings.set(cache, saving);
      saving.add(result, durationMs);
    },
    loaded: (cache: string, outcome: 'ok' | 'error', durationMs: number) =>
      loads.record(durationMs / 1000, { cache, outcome }),
    evicted: (cache: string) => evictions.add(1, { cache }),
    faulted: (kind: RedisFault) => faults.add(1, { kind }),

    /** @returns what ends the observation. */
    observe(caches: readonly CacheGauge[], isSecondLevelAvailable: (() => boolean) | undefined): () => void {
      const bytes = meter.createObservableGauge('meari.cache.size', {
        description: 'Size of what the first level holds, as JSON.',
        unit: 'By',
      });
      const entries = meter.createObservableGauge('meari.cache.entries', {
        description: 'Values in the first level.',
      });
      const saved = meter.createObservableGauge('meari.cache.saved_time', {
        description: 'Hits, times what a miss takes longer than a hit; below zero the cache does not pay.',
        unit: 's',
      });
      const available = meter.createObservableGauge('meari.cache.second_level.available', {
        description: '1 while Redis answers the caches in time, else 0; absent without Redis.',
      });
      const observeAll = (result: BatchObservableResult) => {
        for (const cache of caches) {
          result.observe(bytes, cache.bytes(), { cache: cache.name });
          result.observe(entries, cache.entries(), { cache: cache.name });
        }
        for (const [cache, saving] of savings) result.observe(saved, saving.seconds(), { cache });
        if (isSecondLevelAvailable) result.observe(available, isSecondLevelAvailable() ? 1 : 0);
      };
      const instruments = [bytes, entries, saved, available];
      meter.addBatchObservableCallback(observeAll, instruments);
      return () => meter.removeBatchObservableCallback(observeAll, instruments);
    },
  };
}

interface Saving {
  add(result: LookupResult, durationMs: number): void;
  seconds(): number;
}

/** Hits × (mean cost of a miss − mean cost of a hit); 0 until both have been seen. */
function createSaving(): Saving {
  const hits = { count: 0, ms: 0 };
  const misses = { count: 0, ms: 0 };
  return {
    add(result, durationMs) {
      // Who waits for another's load, or is sent past the cache, has saved nothing and pays for no miss of its own.
      if (result === 'coalesced' || result === 'bypassed') return;
      const sum = result === 'miss' ? misses : hits;
      sum.count += 1;
      sum.ms += durationMs;
    },
    seconds() {
      if (hits.count === 0 || misses.count === 0) return 0;
      return (hits.count * (misses.ms / misses.count) - hits.ms) / 1000;
    },
  };
}
