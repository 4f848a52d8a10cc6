import type { AsyncResource } from 'node:async_hooks';

/** A request, or a job that another process has put into the queue. */
export interface Activity {
  readonly kind: 'request' | 'job';
  /** `POST /api/v1/things/:id`, or the name of the job's span. A request has none before its route is chosen. */
  route: () => string | undefined;
  readonly traceId: string;
  readonly startedAt: number;
  /** When a request was answered; its steps may go on. A job has no end of its own: it is under way with its steps. */
  endedAt: number | undefined;
  /** Those under way; undefined before the first one. */
  steps: Set<ActiveStep> | undefined;
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
