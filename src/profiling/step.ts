import { type Attributes, context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { enterStep, leaveStep, openStep, type StepWork } from './activity.ts';
import { STEP, STEP_AFTER } from './attributes.ts';
import { captureCallSite } from './capture/call-site.ts';
import { noteSpan } from './capture/span-notes.ts';
import { meter } from './cost/meter.ts';
import { createHistogram, type Series } from './histogram.ts';
import { now } from './tracing/clock.ts';
import { RecordedSpan, type SpanNotes } from './tracing/recorded-span.ts';
import { withSpan } from './tracing/span-context.ts';
import type { OwnSpanOptions } from './tracing/tracer-provider.ts';

export type StepOutcome = 'ok' | 'error' | 'timeout' | 'cancelled';

/** A piece of work by its name, from a closed set, and the names of those that it has to come after. */
export interface DeclaredStep {
  readonly name: string;
  readonly after: readonly string[];
}

export interface StepReport {
  readonly name: string;
  readonly attributes: Attributes;
  readonly outcome: StepOutcome;
  readonly durationMs: number;
  readonly error: unknown;
}

/** Opens a span for a piece of work, and reports how it ended. The result and any error pass through. */
export type StepRecorder = <T>(
  step: DeclaredStep,
  attributes: Attributes,
  run: (span: Span) => Promise<T>,
) => Promise<T>;

export interface StepRecorderOptions {
  /** Histogram of durations in seconds, labelled `step` and `outcome`: names must come from a closed set. */
  readonly metric: { readonly name: string; readonly description: string };
  /** Called once a step, inside its span, so that a log line written here carries the span's ids. */
  readonly onEnd?: (report: StepReport) => void;
}

/** Seconds. From a cache hit to the limit of a whole session; the OpenTelemetry advice for HTTP stops at 10. */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What is known of a step for good. */
interface KnownStep {
  /** With the line that runs it. */
  readonly notes: SpanNotes;
  readonly durations: Readonly<Record<StepOutcome, Series>>;
}

interface RunningStep {
  readonly name: string;
  readonly attributes: Attributes;
  readonly durations: KnownStep['durations'];
  readonly span: Span;
  readonly work: StepWork;
}

/**
 * The one way to open a span. Span, histogram and report come from the same place and cannot drift apart.
 *
 * The span records the error's type alone: a message may quote what a user wrote.
 */
export function createStepRecorder({ metric, onEnd }: StepRecorderOptions): StepRecorder {
  const tracer = trace.getTracer('meari');
  const histogram = createHistogram({ ...metric, unit: 's', boundaries: BUCKETS_SECONDS });
  const known = new Map<string, KnownStep>();

  function learn(name: string): KnownStep {
    const of = (outcome: StepOutcome) => histogram.series({ step: name, outcome });
    const step = {
      notes: { fingerprint: name, values: '', callSite: captureCallSite() },
      durations: { ok: of('ok'), error: of('error'), timeout: of('timeout'), cancelled: of('cancelled') },
    };
    known.set(name, step);
    return step;
  }

  function end(step: RunningStep, outcome: StepOutcome, error: unknown): void {
    const { name, attributes, durations, span, work } = step;
    const endedAt = now();
    const durationMs = endedAt - work.step.startedAt;
    onEnd?.({ name, attributes, outcome, durationMs, error });
    const enteredAt = meter.enter();
    durations[outcome].record(durationMs / 1000);
    if (span instanceof RecordedSpan) span.endAt(endedAt);
    leaveStep(work, endedAt);
    meter.leave(enteredAt);
  }

  return (step, given, run) => {
    const enteredAt = meter.enter();
    const { name, after } = step;
    const { notes, durations } = known.get(name) ?? learn(name);
    const around = context.active();
    // Not all in one literal: computed names behind what is spread take several times as long.
    const attributes: Attributes = { ...given };
    attributes[STEP] = name;
    attributes[STEP_AFTER] = after as string[];
    const options: OwnSpanOptions = { attributes, handsOver: true };
    const span = tracer.startSpan(name, options, around);
    noteSpan(span, notes);
    const work = openStep(name, span);
    const running: RunningStep = { name, attributes: given, durations, span, work };
    return context.with(withSpan(around, span), () => {
      enterStep(work);
      meter.leave(enteredAt);
      return start(run, span).then(
        (result) => {
          end(running, 'ok', undefined);
          return result;
        },
        (error) => {
          recordError(span, error);
          end(running, outcomeOf(error), error);
          throw error;
        },
      );
    });
  };
}

/** As an async function does: whatever comes of it, and also when it fails at once, there is a promise. */
function start<T>(run: (span: Span) => Promise<T>, span: Span): Promise<T> {
  try {
    return Promise.resolve(run(span));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** `AbortSignal.timeout` rejects with TimeoutError, an aborted signal with AbortError: names of the DOM standard. */
function outcomeOf(error: unknown): StepOutcome {
  if (!(error instanceof Error)) return 'error';
  if (error.name === 'TimeoutError') return 'timeout';
  return error.name === 'AbortError' ? 'cancelled' : 'error';
}

/** The error's type and frames, and the status. Its message stays out: it may quote what a user wrote. */
export function recordError(span: Span, error: unknown): void {
  span.setAttribute('error.type', errorType(error));
  if (error instanceof Error) span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** The value of the semantic convention `error.type`: an error's code where it has one, else its class. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : error.name;
}
