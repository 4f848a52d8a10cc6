import type { AsyncResource } from 'node:async_hooks';

/** A request, or a job that another process has put into the queue. */
export interface Activity {
  readonly kind: 'request' | 'job';
  /** `POST /api/v1/things/:id`, or the name of the job's span. A request has it for good when it is answered. */
  route: string | undefined;
  /** The route as it is known so far; undefined when it is known for good, so that what is kept holds no request. */
  readRoute: (() => string | undefined) | undefined;
  readonly traceId: string;
  readonly startedAt: number;
  /** When a request was answered; its steps may go on. A job has no end of its own: it is under way with its steps. */
  endedAt: number | undefined;
  /** How many of its steps are under way. */
  steps: number;
}

export interface ActiveStep {
  readonly name: string;
  readonly startedAt: number;
  endedAt: number | undefined;
  /** The asynchronous context that it runs in, to be entered from outside of it. */
  resource: AsyncResource | undefined;
}

export interface Work {
  readonly activity: Activity | undefined;
  readonly step: ActiveStep | undefined;
}

/** Undefined for a request whose route is not chosen yet. */
export function routeOf({ route, readRoute }: Activity): string | undefined {
  return readRoute ? readRoute() : route;
}
