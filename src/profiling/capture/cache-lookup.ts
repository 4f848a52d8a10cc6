import { trace } from '@opentelemetry/api';
import { CACHE_DURATION_MS, CACHE_LOOKUP_EVENT, CACHE_NAME, CACHE_OUTCOME } from '../attributes.ts';

export interface CacheLookup {
  /** Names the cache, never the key. */
  readonly cache: string;
  /** `coalesced`: it waited for another's load of the same key. */
  readonly outcome: 'hit' | 'miss' | 'coalesced';
  /** Until the value was there, with the load when it was a miss. */
  readonly durationMs: number;
}

/** Tells the profiler of one look-up, on the span that needed the value. Costs no span of its own. */
export function recordCacheLookup({ cache, outcome, durationMs }: CacheLookup): void {
  trace.getActiveSpan()?.addEvent(CACHE_LOOKUP_EVENT, {
    [CACHE_NAME]: cache,
    [CACHE_OUTCOME]: outcome,
    [CACHE_DURATION_MS]: durationMs,
  });
}
