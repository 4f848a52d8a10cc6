import { AsyncResource } from 'node:async_hooks';
import { type Context, type Span, trace } from '@opentelemetry/api';
import { takeOut } from './take-out.ts';
import { now } from './tracing/clock.ts';
import { RecordedSpan } from './tracing/recorded-span.ts';
import type { ActiveStep, Activity, Work } from './work.ts';

/**
 * What the code that runs at this moment runs for, carried by the active span: the request or the job, and the step
 * of it. Samples are labelled with it, and the live view lists what is under way.
 *
 * One for the process, as the context and the tracer are. Times are on the clock of `performance.now`.
 */

/** Told the route of a request that has ended and the milliseconds that it took. */
export type RequestListener = (route: string, durationMs: number) => void;

/** What a step runs for, and the step itself. */
export interface StepWork extends Work {
  readonly step: ActiveStep;
}

/** For an `AsyncResource` of whose end nobody has to be told. */
export const MANUAL = { requireManualDestroy: true };
const inFlight: Activity[] = [];
const stepsUnderWay: Work[] = [];
const requestListeners = new Set<RequestListener>();

/** Opens a request, whose handlers run in the context of this span. @returns what ends it. */
export function enterRequest(span: Span, readRoute: () => string | undefined): (endedAt: number) => void {
  const startedAt = span instanceof RecordedSpan ? span.startMs : now();
  const activity = createActivity('request', span.spanContext().traceId, startedAt);
  activity.readRoute = readRoute;
  inFlight.push(activity);
  if (span instanceof RecordedSpan) span.work = { activity, step: undefined };
  return (endedAt) => {
    activity.endedAt = endedAt;
    activity.route = readRoute();
    activity.readRoute = undefined;
    if (activity.steps === 0) takeOut(inFlight, activity);
    if (activity.route === undefined) return;
    for (const tell of requestListeners) tell(activity.route, endedAt - startedAt);
  };
}

/** Opens the step that this span is: before its context is entered, which is when a profile marks that. */
export function openStep(name: string, span: Span): StepWork {
  const isRecorded = span instanceof RecordedSpan;
  const activity = isRecorded ? span.work?.activity : undefined;
  const startedAt = isRecorded ? span.startMs : now();
  const work = { activity, step: { name, startedAt, endedAt: undefined, resource: undefined } };
  if (isRecorded) span.work = work;
  return work;
}

/** To be called in the step's context. */
export function enterStep(work: StepWork): void {
  const { activity, step } = work;
  // For a profile that starts while the step is under way: it marks the step's context from outside.
  step.resource = new AsyncResource('STEP', MANUAL);
  stepsUnderWay.push(work);
  if (activity === undefined) return;
  if (activity.steps === 0 && !isOpen(activity)) inFlight.push(activity);
  activity.steps += 1;
}

export function leaveStep(work: StepWork, endedAt: number): void {
  const { activity, step } = work;
  step.endedAt = endedAt;
  step.resource = undefined;
  takeOut(stepsUnderWay, work);
  if (activity === undefined) return;
  activity.steps -= 1;
  if (activity.steps === 0 && !isOpen(activity)) takeOut(inFlight, activity);
}

/** What a context is for; undefined outside of every request, job and step, and while spans are not recorded. */
export function workOf(context: Context): Work | undefined {
  const span = trace.getSpan(context);
  return span instanceof RecordedSpan ? span.work : undefined;
}

/** Every request and job that is under way. */
export function activitiesInFlight(): readonly Activity[] {
  return [...inFlight];
}

/** Every step that is under way, the longest first; one without a request or job is in no activity. */
export function stepsInFlight(): readonly Work[] {
  return [...stepsUnderWay];
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

/** Something was put into a queue: consumed in this process, it is part of what it was sent for. */
export function noteSent(producer: RecordedSpan): void {
  const activity = producer.work?.activity;
  if (!activity) return;
  sentFor.set(producer.spanContext().spanId, activity);
  const [oldest] = sentFor.size > SENT_LIMIT ? sentFor.keys() : [];
  if (oldest !== undefined) sentFor.delete(oldest);
}

/** Something was taken out of a queue. */
export function noteConsumed(consumer: RecordedSpan): void {
  const sentBy = consumer.parentSpanContext?.spanId ?? '';
  const sender = sentFor.get(sentBy);
  sentFor.delete(sentBy);
  const activity =
    sender ?? createActivity('job', consumer.spanContext().traceId, consumer.startMs, consumer.name);
  consumer.work = { activity, step: undefined };
}

function createActivity(
  kind: Activity['kind'],
  traceId: string,
  startedAt: number,
  route?: string,
): Activity {
  return { kind, route, readRoute: undefined, traceId, startedAt, endedAt: undefined, steps: 0 };
}

/** A request is under way until it is answered, whatever it does; a job for as long as it has steps. */
function isOpen({ kind, endedAt }: Activity): boolean {
  return kind === 'request' && endedAt === undefined;
}
