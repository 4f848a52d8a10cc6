import { ownerOf } from '../analysis/critical-path.ts';
import type { Unit } from '../analysis/unit-of-work.ts';
import type { Percentiles, RouteSummary, StepShare } from '../model.ts';

/** Requests of a route whose durations and shares are remembered. */
const REMEMBERED = 200;
/** Steps of one route; the rest are told together. */
const OWNERS = 24;
const OTHER_STEPS = '(other steps)';
/** Where the requests of routes beyond the limit are counted. */
export const OTHER_ROUTES = '(other routes)';

/** Bytes of a route and of a column of numbers, without the numbers. */
const ROUTE_BYTES = 600;
const COLUMN_BYTES = 160;

interface RouteState {
  readonly kind: RouteSummary['kind'];
  requests: number;
  errors: number;
  statements: number;
  totalMs: number;
  readonly durations: Float32Array;
  /** By who is answerable for a part of the critical path. */
  readonly columns: Map<string, Column>;
}

interface Column {
  /** Milliseconds on the critical path, at the same place as the duration. */
  readonly ms: Float32Array;
  /** Of all requests. */
  totalMs: number;
}

/** Milliseconds of the critical paths of all requests of a route that were one step's. */
export interface StepTime {
  readonly route: string;
  readonly kind: RouteSummary['kind'];
  readonly step: string;
  readonly totalMs: number;
}

export type RouteStatistics = ReturnType<typeof createRouteStatistics>;
export type RouteFigures = Omit<RouteSummary, 'verdict'>;

/** What is known of each route, by its template, whatever traces have been evicted since. */
export function createRouteStatistics({ limit }: { readonly limit: number }) {
  const routes = new Map<string, RouteState>();
  let bytes = 0;
  let overflowed = 0;

  function record(unit: Unit): void {
    const state = routes.get(unit.route) ?? open(unit);
    const place = state.requests % REMEMBERED;
    const durationMs = unit.root.end - unit.root.start;
    state.requests += 1;
    state.errors += Number(unit.failed);
    state.statements += unit.statements;
    state.totalMs += durationMs;
    state.durations[place] = durationMs;
    for (const column of state.columns.values()) column.ms[place] = 0;
    for (const { node, start, end } of unit.path) {
      const column = columnOf(state, ownerOf(node));
      const ms = end - start;
      column.ms[place] = (column.ms[place] ?? 0) + ms;
      column.totalMs += ms;
    }
  }

  function open({ route, kind }: Unit): RouteState {
    const name = routes.size < limit - 1 ? route : OTHER_ROUTES;
    if (name === OTHER_ROUTES) overflowed += 1;
    const known = routes.get(name);
    if (known) return known;
    const state: RouteState = {
      kind,
      requests: 0,
      errors: 0,
      statements: 0,
      totalMs: 0,
      durations: new Float32Array(REMEMBERED),
      columns: new Map(),
    };
    routes.set(name, state);
    bytes += ROUTE_BYTES + 2 * name.length + state.durations.byteLength;
    return state;
  }

  function columnOf(state: RouteState, owner: string): Column {
    const known = state.columns.get(owner);
    if (known) return known;
    const name = state.columns.size < OWNERS - 1 ? owner : OTHER_STEPS;
    const column = state.columns.get(name) ?? { ms: new Float32Array(REMEMBERED), totalMs: 0 };
    if (!state.columns.has(name)) bytes += COLUMN_BYTES + 2 * name.length + column.ms.byteLength;
    state.columns.set(name, column);
    return column;
  }

  function figures(route: string): RouteFigures | undefined {
    const state = routes.get(route);
    if (state === undefined) return undefined;
    const { kind, requests, errors, statements, totalMs } = state;
    return {
      route,
      kind,
      requests,
      errors,
      totalMs,
      statementsPerRequest: statements / requests,
      durationMs: percentiles(state),
    };
  }

  return {
    record,
    figures,
    names: (): readonly string[] => [...routes.keys()],
    /** The largest share at p50 first. */
    steps: (route: string): readonly StepShare[] => stepShares(routes.get(route)),
    stepTimes: (): readonly StepTime[] =>
      [...routes].flatMap(([route, { kind, columns }]) =>
        [...columns].map(([step, { totalMs }]) => ({ route, kind, step, totalMs })),
      ),
    bytes: () => bytes,
    overflowed: () => overflowed,
  };
}

/** Where the remembered requests are, the fastest first. */
function fastestFirst({ requests, durations }: RouteState): readonly number[] {
  const places = Array.from({ length: Math.min(requests, REMEMBERED) }, (_, place) => place);
  return places.sort((a, b) => (durations[a] ?? 0) - (durations[b] ?? 0));
}

function percentiles(state: RouteState): Percentiles {
  const places = fastestFirst(state);
  const at = (percent: number) => {
    const place = places[Math.max(0, Math.ceil((percent / 100) * places.length) - 1)] ?? 0;
    return state.durations[place] ?? 0;
  };
  return { p50: at(50), p95: at(95), p99: at(99), max: at(100) };
}

/**
 * Means over the requests around a percentile, from 40 to 60 and from 90 on: a single request would tell of its own
 * accidents. Their shares sum to 1, since those of each request do.
 */
function stepShares(state: RouteState | undefined): readonly StepShare[] {
  if (state === undefined) return [];
  const places = fastestFirst(state);
  const between = (from: number, to: number) => {
    const first = Math.min(places.length - 1, Math.floor(places.length * from));
    return places.slice(first, Math.max(first + 1, Math.ceil(places.length * to)));
  };
  const [middle, slow] = [between(0.4, 0.6), between(0.9, 1)];
  const shares = [...state.columns].map(([step, column]) => {
    const atP50 = meansOf(middle, column.ms, state.durations);
    const atP95 = meansOf(slow, column.ms, state.durations);
    return {
      step,
      shareAtP50: atP50.share,
      shareAtP95: atP95.share,
      msAtP50: atP50.ms,
      msAtP95: atP95.ms,
    };
  });
  return shares
    .filter(({ msAtP50, msAtP95 }) => msAtP50 > 0 || msAtP95 > 0)
    .sort((a, b) => b.shareAtP50 - a.shareAtP50 || b.shareAtP95 - a.shareAtP95);
}

function meansOf(places: readonly number[], column: Float32Array, durations: Float32Array) {
  let [ms, share] = [0, 0];
  for (const place of places) {
    const [part = 0, whole = 0] = [column[place], durations[place]];
    ms += part / places.length;
    share += whole > 0 ? part / whole / places.length : 0;
  }
  return { ms, share };
}
