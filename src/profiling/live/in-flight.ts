import { activitiesInFlight, stepsInFlight } from '../activity.ts';
import type { ActiveStep } from '../work.ts';

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

/** What this process is doing at the moment. */
export function inFlightNow(): InFlightList {
  const now = performance.now();
  const requestsAndJobs = activitiesInFlight().map(
    ({ kind, route, traceId, startedAt, endedAt, steps }): InFlight => ({
      kind,
      route: route(),
      traceId,
      ageMs: now - startedAt,
      answered: endedAt !== undefined,
      steps: [...(steps ?? [])].map((step) => stepAt(step, now)),
    }),
  );
  const loneSteps = stepsInFlight().flatMap(({ activity, step }): InFlight[] => {
    if (activity || !step) return [];
    const lone = stepAt(step, now);
    return [
      {
        kind: 'step',
        route: undefined,
        traceId: undefined,
        ageMs: lone.elapsedMs,
        answered: false,
        steps: [lone],
      },
    ];
  });
  const all = [...requestsAndJobs, ...loneSteps].sort((one, other) => other.ageMs - one.ageMs);
  const byRoute: Record<string, number> = {};
  for (const { route = '' } of all) byRoute[route] = (byRoute[route] ?? 0) + 1;
  return { count: all.length, byRoute, oldest: all.slice(0, SHOWN) };
}

function stepAt({ name, startedAt }: ActiveStep, now: number): StepInFlight {
  return { name, elapsedMs: now - startedAt };
}
