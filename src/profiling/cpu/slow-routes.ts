/** Told of each request, tells of each route that has become slower than it uses to be. */
export type SlowRouteWatch = (route: string, durationMs: number) => void;

/** Requests of a route whose durations are remembered. */
const REMEMBERED = 500;
/** Requests before a route has a p99: of fewer, one in a hundred is hardly more than the slowest. */
const ENOUGH = 200;
/** Requests after which the p99 is taken anew. */
const RENEWED_AFTER = 50;
/**
 * One request in a hundred is beyond the p99 by definition. Four among the last twenty come by chance once in some
 * 100 000 requests (binomial: C(19, 3) · 0.01⁴ for each request).
 */
const LAST = 20;
const BEYOND = 4;
/** Milliseconds below which nobody waits: a request counts as done at once (Nielsen's 0.1 s). */
const NOTICED_MS = 100;
/** Milliseconds between two alarms, of whatever route: a service that is slow altogether must not be profiled for good. */
const QUIET_MS = 10 * 60_000;
/** Routes that are watched; a service has some dozen. */
const ROUTES = 500;

interface RouteHistory {
  readonly durations: Float64Array;
  count: number;
  /** Undefined until enough is known. */
  p99: number | undefined;
  /** Of the last requests, which were beyond the p99; one bit each, the last one lowest. */
  beyond: number;
}

/** @param now milliseconds on a clock that never goes back. */
export function watchSlowRoutes(
  alarm: (route: string) => void,
  now = () => performance.now(),
): SlowRouteWatch {
  const routes = new Map<string, RouteHistory>();
  let quietUntil = Number.NEGATIVE_INFINITY;

  return (route, durationMs) => {
    const history = routes.get(route) ?? newHistory();
    if (history.count === 0) {
      if (routes.size >= ROUTES) return;
      routes.set(route, history);
    }
    const { p99 } = history;
    remember(history, durationMs);
    if (p99 === undefined) return;
    const isBeyond = durationMs > p99 && durationMs >= NOTICED_MS;
    history.beyond = ((history.beyond << 1) | Number(isBeyond)) & (2 ** LAST - 1);
    if (bits(history.beyond) < BEYOND || now() < quietUntil) return;
    history.beyond = 0;
    quietUntil = now() + QUIET_MS;
    alarm(route);
  };
}

function newHistory(): RouteHistory {
  return { durations: new Float64Array(REMEMBERED), count: 0, p99: undefined, beyond: 0 };
}

function remember(history: RouteHistory, durationMs: number): void {
  history.durations[history.count % REMEMBERED] = durationMs;
  history.count += 1;
  if (history.count < ENOUGH || history.count % RENEWED_AFTER !== 0) return;
  const sorted = history.durations.slice(0, Math.min(history.count, REMEMBERED)).sort();
  history.p99 = sorted[Math.ceil(sorted.length * 0.99) - 1];
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest > 0; rest &= rest - 1) count += 1;
  return count;
}
