import { CACHE_DURATION_MS, CACHE_LOOKUP_EVENT, CACHE_NAME, CACHE_RESULT } from '../attributes.ts';
import type { CacheReport, Finding } from '../model.ts';
import type { StoredSpan } from '../store/stored-span.ts';
import { fingerprintOf, percent, rounded } from './rule.ts';

/** PROFILERS: look-ups before a rate means something, and the rate below which a cache is a detour. */
const LEAST_LOOKUPS = 100;
const LEAST_HIT_RATE = 0.5;
/** Caches that are told apart; their names come from a closed set. */
const CACHES = 100;

const HITS: ReadonlySet<string> = new Set(['hit', 'l1', 'l2', 'stale']);

interface Counts {
  hits: number;
  misses: number;
  coalesced: number;
  hitMs: number;
  missMs: number;
}

/** What each cache saves, from the look-ups that spans tell of. */
export function createCacheEconomics() {
  const caches = new Map<string, Counts>();

  function add(span: StoredSpan): void {
    for (const { name, attributes } of span.events) {
      const cache = attributes[CACHE_NAME];
      if (name !== CACHE_LOOKUP_EVENT || typeof cache !== 'string') continue;
      const result = String(attributes[CACHE_RESULT]);
      const ms = Number(attributes[CACHE_DURATION_MS] ?? 0);
      const counts = countsOf(cache);
      if (HITS.has(result)) {
        counts.hits += 1;
        counts.hitMs += ms;
      } else if (result === 'miss') {
        counts.misses += 1;
        counts.missMs += ms;
      } else if (result === 'coalesced') counts.coalesced += 1;
    }
  }

  function countsOf(cache: string): Counts {
    const name = caches.has(cache) || caches.size < CACHES ? cache : '(other caches)';
    const counts = caches.get(name) ?? { hits: 0, misses: 0, coalesced: 0, hitMs: 0, missMs: 0 };
    caches.set(name, counts);
    return counts;
  }

  const reports = (): readonly CacheReport[] => [...caches].map(reportOf);

  return {
    add,
    reports,
    findings: (): readonly Finding[] => reports().filter(doesNotPay).map(findingOfCache),
  };
}

/** A look-up that waited for another's load needed no load of its own: it counts as a hit, and saves no time. */
function reportOf([cache, { hits, misses, coalesced, hitMs, missMs }]: readonly [
  string,
  Counts,
]): CacheReport {
  const lookups = hits + misses + coalesced;
  return {
    cache,
    lookups,
    hits,
    misses,
    coalesced,
    hitRate: lookups === 0 ? 0 : (hits + coalesced) / lookups,
    netSavingMs: hits > 0 && misses > 0 ? rounded(hits * (missMs / misses) - hitMs) : undefined,
  };
}

function doesNotPay({ lookups, hitRate, netSavingMs = 1 }: CacheReport): boolean {
  return lookups >= LEAST_LOOKUPS && (hitRate < LEAST_HIT_RATE || netSavingMs <= 0);
}

function findingOfCache({ cache, lookups, hitRate, netSavingMs }: CacheReport): Finding {
  return {
    rule: 'cache-not-paying',
    severity: 'warning',
    title: `The cache "${cache}" does not pay: ${percent(hitRate)} hits of ${lookups} look-ups`,
    evidence: { cache, lookups, hitRate: rounded(hitRate), netSavingMs: netSavingMs ?? 0 },
    callSite: undefined,
    route: '',
    step: undefined,
    about: [],
    count: lookups,
    timeMs: 0,
    savingMs: undefined,
    traceId: undefined,
    spanIds: [],
    fingerprint: fingerprintOf('cache-not-paying', '', cache),
  };
}
