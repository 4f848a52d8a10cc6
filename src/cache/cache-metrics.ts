import { type BatchObservableResult, metrics, trace } from '@opentelemetry/api';
import { CACHE_DURATION_MS, CACHE_LOOKUP_EVENT, CACHE_NAME, CACHE_RESULT } from '../profiling/attributes.ts';
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

/** Seconds: from a look at a table to a language model. */
const BUCKETS_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type CacheMetrics = ReturnType<typeof createCacheMetrics>;

/** One function for each thing that happens to a cache; label values come from closed sets. */
export function createCacheMetrics() {
  const meter = metrics.getMeter('meari');
  const loads = meter.createHistogram('meari.cache.load.duration', {
    description: 'Loads of what a cache did not have, or refreshed, by outcome.',
    unit: 's',
    advice: { explicitBucketBoundaries: BUCKETS_SECONDS },
  });
  const evictions = meter.createCounter('meari.cache.evictions', {
    description: 'Values that the first level gave up to make room for others.',
  });
  const faults = meter.createCounter('meari.cache.second_level.faults', {
    description:
      'Times that Redis did not answer (unreachable), answered an error (refused) or kept no entry (corrupt).',
  });
  // There from the start: of a counter that appears with its first event, no rate can see that event.
  for (const kind of ['unreachable', 'refused', 'corrupt']) faults.add(0, { kind });
  // Summed here and told when asked: a hit takes microseconds, and a histogram would take as long again.
  const sums = new Map<string, Record<LookupResult, Sum>>();

  return {
    lookedUp(cache: string, result: LookupResult, durationMs: number) {
      const sum = sums.get(cache) ?? emptySums();
      sums.set(cache, sum);
      sum[result].count += 1;
      sum[result].ms += durationMs;
      trace.getActiveSpan()?.addEvent(CACHE_LOOKUP_EVENT, {
        [CACHE_NAME]: cache,
        [CACHE_RESULT]: result,
        [CACHE_DURATION_MS]: durationMs,
      });
    },
    loaded: (cache: string, outcome: 'ok' | 'error', durationMs: number) =>
      loads.record(durationMs / 1000, { cache, outcome }),
    evicted: (cache: string) => evictions.add(1, { cache }),
    faulted: (kind: RedisFault) => faults.add(1, { kind }),

    /** @returns what ends the observation. */
    observe(caches: readonly CacheGauge[], isSecondLevelAvailable: (() => boolean) | undefined): () => void {
      const lookups = meter.createObservableCounter('meari.cache.lookups', {
        description: 'Look-ups, by how they were answered.',
      });
      const time = meter.createObservableCounter('meari.cache.lookup.time', {
        description: 'Time that look-ups took, by how they were answered.',
        unit: 's',
      });
      const saved = meter.createObservableGauge('meari.cache.saved_time', {
        description: 'Hits, times what a miss takes longer than a hit; below zero the cache does not pay.',
        unit: 's',
      });
      const bytes = meter.createObservableGauge('meari.cache.size', {
        description: 'Size of what the first level holds, as JSON.',
        unit: 'By',
      });
      const entries = meter.createObservableGauge('meari.cache.entries', {
        description: 'Values in the first level.',
      });
      const available = meter.createObservableGauge('meari.cache.second_level.available', {
        description: '1 while Redis answers the caches in time, else 0; absent without Redis.',
      });
      const observeAll = (observed: BatchObservableResult) => {
        for (const cache of caches) {
          observed.observe(bytes, cache.bytes(), { cache: cache.name });
          observed.observe(entries, cache.entries(), { cache: cache.name });
        }
        for (const [cache, results] of sums) {
          observed.observe(saved, savedSeconds(results), { cache });
          for (const [result, { count, ms }] of Object.entries(results)) {
            observed.observe(lookups, count, { cache, result });
            observed.observe(time, ms / 1000, { cache, result });
          }
        }
        if (isSecondLevelAvailable) observed.observe(available, isSecondLevelAvailable() ? 1 : 0);
      };
      const instruments = [lookups, time, saved, bytes, entries, available];
      meter.addBatchObservableCallback(observeAll, instruments);
      return () => meter.removeBatchObservableCallback(observeAll, instruments);
    },
  };
}

interface Sum {
  count: number;
  ms: number;
}

function emptySums(): Record<LookupResult, Sum> {
  const zero = () => ({ count: 0, ms: 0 });
  return { l1: zero(), l2: zero(), stale: zero(), miss: zero(), coalesced: zero(), bypassed: zero() };
}

/**
 * Hits × (mean cost of a miss − mean cost of a hit); 0 until both have been seen. Who waits for another's load, or is
 * sent past the cache, has saved nothing and pays for no miss of its own.
 */
function savedSeconds({ l1, l2, stale, miss }: Record<LookupResult, Sum>): number {
  const hits = l1.count + l2.count + stale.count;
  if (hits === 0 || miss.count === 0) return 0;
  return (hits * (miss.ms / miss.count) - (l1.ms + l2.ms + stale.ms)) / 1000;
}
