import { AsyncResource } from 'node:async_hooks';
import { type Context, context, createContextKey, type Span, SpanKind, trace } from '@opentelemetry/api';
import { RecordedSpan } from './tracing/recorded-span.ts';

/**
 * What the code that runs at this moment runs for, carried by OpenTelemetry's context: the request or the job, and
 * the step of it. Samples are labelled with it, and the live view lists what is under way.
 *
 * One for the process, as the context and the tracer are. Times are on the clock of `performance.now`.
 */

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

/** Told the route of a request that has ended and the milliseconds that it took. */
export type RequestListener = (route: string, durationMs: number) => void;

const WORK = createContextKey('what the code runs for');
/** Nobody has to be told of its end. */
const MANUAL = { requireManualDestroy: true };
const inFlight = new Set<Activity>();
/** Steps with what they belong to: one without a request or job is in no activity. */
const steps = new Map<ActiveStep, Work>();
const requestListeners = new Set<RequestListener>();

/** Opens a request; its handlers have to run in the context returned. */
export function enterRequest(
  parent: Context,
  traceId: string,
  route: Activity['route'],
): { readonly context: Context; readonly end: () => void } {
  const activity = createActivity('request', traceId, route);
  inFlight.add(activity);
  return {
    context: parent.setValue(WORK, { activity, step: undefined } satisfies Work),
    end() {
      activity.endedAt = performance.now();
      if (!activity.steps?.size) inFlight.delete(activity);
      const template = route();
      // Its steps and samples may outlive the request, and must not hold all of it.
      activity.route = () => template;
      if (template === undefined) return;
      for (const tell of requestListeners) tell(template, activity.endedAt - activity.startedAt);
    },
  };
}

/** Opens a step in the active context. `begin` has to be called in the context returned, and returns what ends it. */
export function enterStep(name: string): { readonly context: Context; readonly begin: () => () => void } {
  const parent = context.active();
  const { activity } = workOf(parent) ?? { activity: undefined };
  const startedAt = performance.now();
  const step: ActiveStep = { name, startedAt, endedAt: undefined, resource: undefined };
  const work: Work = { activity, step };
  return {
    context: parent.setValue(WORK, work),
    begin() {
      // For a profile that starts while the step is under way: it labels the step's context from outside.
      step.resource = new AsyncResource('STEP', MANUAL);
      steps.set(step, work);
      if (activity) {
        activity.steps ??= new Set();
        activity.steps.add(step);
        inFlight.add(activity);
      }
      return () => {
        step.endedAt = performance.now();
        step.resource = undefined;
        steps.delete(step);
        activity?.steps?.delete(step);
        if (activity?.steps?.size === 0 && !isOpen(activity)) inFlight.delete(activity);
      };
    },
  };
}

/** What a context is for; undefined outside of every request, job and step. */
export function workOf(context: Context): Work | undefined {
  const work = context.getValue(WORK) as Work | undefined;
  if (work) return work;
  const activity = jobOf(trace.getSpan(context));
  return activity && { activity, step: undefined };
}

/** Every request and job that is under way, the oldest first. */
export function activitiesInFlight(): readonly Activity[] {
  return [...inFlight].sort((one, other) => one.startedAt - other.startedAt);
}

/** Every step that is under way, of whatever it is a step. */
export function stepsInFlight(): readonly Work[] {
  return [...steps.values()];
}

/** @returns what ends it. */
export function onRequestEnd(listener: RequestListener): () => void {
  requestListeners.add(listener);
  return () => void requestListeners.delete(listener);
}

/** Producers' span ids with what they were sent for, until they are consumed in this process. */
const sentFor = new Map<string, Activity>();
/** What was sent before the last of so many counts as sent by another process: the queue itself holds 1 000. */
const SENT_LIMIT = 2_000;
const jobs = new WeakMap<RecordedSpan, Activity>();

/** Something was put into a queue: consumed in this process, it is part of what it was sent for. */
export function noteSent(producer: RecordedSpan): void {
  const activity = workOf(context.active())?.activity;
  if (!activity) return;
  sentFor.set(producer.spanContext().spanId, activity);
  const [oldest] = sentFor.size > SENT_LIMIT ? sentFor.keys() : [];
  if (oldest !== undefined) sentFor.delete(oldest);
}

/** What a consumer's span is for; undefined for every other span, and while spans are not recorded. */
function jobOf(span: Span | undefined): Activity | undefined {
  if (!(span instanceof RecordedSpan) || span.kind !== SpanKind.CONSUMER) return undefined;
  const known = jobs.get(span);
  if (known) return known;
  const sentBy = span.parentSpanContext?.spanId ?? '';
  const sender = sentFor.get(sentBy);
  sentFor.delete(sentBy);
  const { name } = span;
  const job = sender ?? createActivity('job', span.spanContext().traceId, () => name);
  jobs.set(span, job);
  return job;
}

function createActivity(kind: Activity['kind'], traceId: string, route: Activity['route']): Activity {
  return { kind, route, traceId, startedAt: performance.now(), endedAt: undefined, steps: undefined };
}

/** A request is under way until it is answered, whatever it does; a job for as long as it has steps. */
function isOpen({ kind, endedAt }: Activity): boolean {
  return kind === 'request' && endedAt === undefined;
}
