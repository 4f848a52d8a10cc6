import type { SelfCost } from '../model.ts';
import { meter } from './meter.ts';

/** PROFILERS: the part of a route's median that the layer may take. */
const ALLOWED_SHARE = 0.02;
/**
 * Microseconds that it may always take, also for a request that is answered in less than ten milliseconds: at 500
 * requests/s, ten times what DESIGN asks for, a tenth of one core.
 */
const FLOOR_MICROS = 200;
/** Milliseconds of a window, and measured requests that it needs to tell anything. */
const WINDOW_MS = 10_000;
const LEAST_REQUESTS = 20;
/** Windows in a row beyond the limit: one may be the machine's doing. */
const BREACHES = 2;
/** Milliseconds in metrics-only mode; doubles each time, until it has gone well for a while. */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 15 * 60_000;
const GOOD_WINDOWS = 6;

export interface SelfCostOptions {
  /** Milliseconds; undefined when there has been none. */
  readonly medianOf: (route: string) => number | undefined;
  readonly now: () => number;
}

/**
 * What the layer takes for a request against what it may take. Beyond the limit it takes no traces for a while, and
 * then tries again: durations and counters do not depend on it.
 */
export function createSelfCost({ medianOf, now }: SelfCostOptions) {
  /** Requests of the window, by route. */
  const byRoute = new Map<string, number>();
  let after = { traces: 0, micros: 0, bytes: 0 };
  let windowStart = now();
  let breaches = 0;
  let goodWindows = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let resumesAt: number | undefined;
  let timesDegraded = 0;
  let told = { requests: 0, micros: 0, microsAfter: 0, limit: FLOOR_MICROS, bytes: 0 };

  function closeWindow(): void {
    const answer = meter.take();
    const traces = Math.max(1, after.traces);
    told = {
      requests: answer.requests,
      micros: answer.micros / Math.max(1, answer.requests),
      microsAfter: after.micros / traces,
      limit: limit(),
      bytes: after.bytes / traces,
    };
    judge();
    byRoute.clear();
    after = { traces: 0, micros: 0, bytes: 0 };
    windowStart = now();
  }

  /** The mean over the requests of the window of what each route allows. */
  function limit(): number {
    let [allowed, requests] = [0, 0];
    for (const [route, count] of byRoute) {
      const share = (medianOf(route) ?? 0) * 1_000 * ALLOWED_SHARE;
      allowed += count * Math.max(FLOOR_MICROS, share);
      requests += count;
    }
    return requests === 0 ? FLOOR_MICROS : allowed / requests;
  }

  function judge(): void {
    if (told.micros + told.microsAfter <= told.limit) {
      breaches = 0;
      goodWindows += 1;
      if (goodWindows >= GOOD_WINDOWS) pauseMs = FIRST_PAUSE_MS;
      return;
    }
    goodWindows = 0;
    breaches += 1;
    if (breaches < BREACHES) return;
    breaches = 0;
    timesDegraded += 1;
    resumesAt = now() + pauseMs;
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }

  return {
    /** Whether spans are recorded at all. */
    takesTraces: () => resumesAt === undefined,

    /** A request of this route has been looked at, after its answer. */
    traceTaken(route: string, micros: number, bytes: number): void {
      byRoute.set(route, (byRoute.get(route) ?? 0) + 1);
      after.traces += 1;
      after.micros += micros;
      after.bytes += bytes;
    },

    /** Judges the window that is over, and ends a pause that is. */
    check(): void {
      if (resumesAt !== undefined && now() >= resumesAt) {
        resumesAt = undefined;
        windowStart = now();
        meter.take();
      }
      const isOver = now() - windowStart >= WINDOW_MS && after.traces >= LEAST_REQUESTS;
      if (resumesAt === undefined && isOver) closeWindow();
    },

    report(): SelfCost {
      return {
        mode: resumesAt === undefined ? 'full' : 'metrics-only',
        explanation: explanation(resumesAt, told.micros + told.microsAfter, told.limit),
        sampledRequests: told.requests,
        microsPerRequest: told.micros,
        microsAfterAnswer: told.microsAfter,
        limitMicros: told.limit,
        bytesPerRequest: told.bytes,
        timesDegraded,
        resumesAt: resumesAt === undefined ? undefined : performance.timeOrigin + resumesAt,
      };
    },
  };
}

function explanation(resumesAt: number | undefined, micros: number, limitMicros: number): string {
  const [took, may] = [Math.round(micros), Math.round(limitMicros)];
  if (resumesAt === undefined)
    return `Takes ${took} µs for a request and may take ${may} µs: traces are taken.`;
  const until = new Date(performance.timeOrigin + resumesAt).toISOString();
  return `Took ${took} µs for a request and may take ${may} µs: metrics only until ${until}, then it tries again.`;
}
