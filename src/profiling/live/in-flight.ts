import { activitiesInFlight, stepsInFlight } from '../activity.ts';
import { type ActiveStep, type Activity, routeOf } from '../work.ts';

export interface StepInFlight {
  readonly name: string;
  readonly elapsedMs: number;
}

/** A request or job that is under way. */
export interface InFlight {
  readonly kind: 'request' | 'job' | 'step';
  /** Undefined while the route is not chosen, and for a step of neither request nor job. */
  readonly route: string | undefined;
  readonly traceId: string | undefined;
  readonly ageMs: number;
  /** The client has its answer; what was begun for it goes on. */
  readonly answered: boolean;
  /** Those that run now, the longest first. */
  readonly steps: readonly StepInFlight[];
}

export interface InFlightList {
  readonly count: number;
  /** How many of each route there are; an empty key for those without. */
  readonly byRoute: Readonly<Record<string, number>>;
  /** The oldest, at most 100: an open stream is a request too, and there may be thousands. */
  readonly oldest: readonly InFlight[];
}

const SHOWN = 100;

/** A step of neither request nor job. */
const NEITHER = { kind: 'step', route: undefined, traceId: undefined, answered: false } as const;

/** What this process is doing at the moment. */
export function inFlightNow(): InFlightList {
  const now = performance.now();
  const stepsOf = new Map<Activity, StepInFlight[]>();
  const all: InFlight[] = [];
  for (const { activity, step } of stepsInFlight()) {
    if (!step) continue;
    const shown = stepAt(step, now);
    if (activity) stepsOf.set(activity, [...(stepsOf.get(activity) ?? []), shown]);
    else all.push({ ...NEITHER, ageMs: shown.elapsedMs, steps: [shown] });
  }
  for (const activity of activitiesInFlight()) {
    const { kind, traceId, startedAt, endedAt } = activity;
    const [route, steps] = [routeOf(activity), stepsOf.get(activity) ?? []];
    all.push({ kind, route, traceId, ageMs: now - startedAt, answered: endedAt !== undefined, steps });
  }
  all.sort((one, other) => other.ageMs - one.ageMs);
  const byRoute: Record<string, number> = {};
  for (const { route = '' } of all) byRoute[route] = (byRoute[route] ?? 0) + 1;
  return { count: all.length, byRoute, oldest: all.slice(0, SHOWN) };
}

function stepAt({ name, startedAt }: ActiveStep, now: number): StepInFlight {
  return { name, elapsedMs: now - startedAt };
}
