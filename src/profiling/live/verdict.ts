import type { ProcessReading } from './process-readings.ts';

/**
 * What holds up this process at the moment, the most certain cause first: `collecting` garbage, a `blocked` or
 * `saturated` event loop, `waiting` for others (input and output), `busy` with work of its own, `idle`.
 */
export type VerdictKind = 'collecting' | 'blocked' | 'saturated' | 'waiting' | 'busy' | 'idle' | 'unknown';

export interface Verdict {
  readonly kind: VerdictKind;
  /** The measured value that decided, and the limit that it is compared with. */
  readonly evidence?: { readonly measure: string; readonly value: number; readonly limit: number };
}

/** The limits of Clinic.js (node-clinic-doctor, `analysis/`). */
const LIMITS = {
  /** Milliseconds of garbage collection in a second. */
  collectionMs: 100,
  /** Milliseconds of loop delay. */
  delayMedianMs: 10,
  delayMaxMs: 100,
  /** Parts of 1. */
  utilisationMedian: 0.95,
  cpuNinetieth: 0.9,
};

/** @param inFlight requests and jobs that are under way. */
export function liveVerdict(minute: readonly ProcessReading[], inFlight: number): Verdict {
  const readings = minute.filter(({ disturbed }) => !disturbed);
  if (readings.length === 0) return { kind: 'unknown' };
  const quantile = (share: number, value: (reading: ProcessReading) => number): number =>
    quantileOf(readings.map(value), share);

  const collectionMs =
    readings.reduce((sum, { collections }) => sum + msOf(collections), 0) / readings.length;
  const delayMedian = quantile(0.5, ({ loopDelay }) => loopDelay.p50);
  const delayMax = quantile(1, ({ loopDelay }) => loopDelay.max);
  const utilisation = quantile(0.5, (reading) => reading.utilisation);
  const cpu = quantile(0.9, (reading) => reading.cpu);

  if (collectionMs > LIMITS.collectionMs) {
    return verdict('collecting', 'garbage collection, ms in a second', collectionMs, LIMITS.collectionMs);
  }
  if (delayMax >= LIMITS.delayMaxMs) {
    return verdict('blocked', 'longest loop delay, ms', delayMax, LIMITS.delayMaxMs);
  }
  if (delayMedian >= LIMITS.delayMedianMs) {
    return verdict('blocked', 'median loop delay, ms', delayMedian, LIMITS.delayMedianMs);
  }
  if (utilisation >= LIMITS.utilisationMedian) {
    return verdict('saturated', 'median loop utilisation', utilisation, LIMITS.utilisationMedian);
  }
  if (cpu >= LIMITS.cpuNinetieth) return verdict('busy', 'CPU, 90th percentile', cpu, LIMITS.cpuNinetieth);
  if (inFlight === 0) return { kind: 'idle' };
  return verdict('waiting', 'CPU, 90th percentile', cpu, LIMITS.cpuNinetieth);
}

function verdict(kind: VerdictKind, measure: string, value: number, limit: number): Verdict {
  return { kind, evidence: { measure, value, limit } };
}

function msOf(collections: ProcessReading['collections']): number {
  return Object.values(collections).reduce((sum, { ms }) => sum + ms, 0);
}

/** By nearest rank. */
function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
