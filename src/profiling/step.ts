import {
  type Attributes,
  type Histogram,
  metrics,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { enterStep } from './activity.ts';

export type StepOutcome = 'ok' | 'error' | 'timeout' | 'cancelled';

export interface StepReport {
  readonly name: string;
  readonly attributes: Attributes;
  readonly outcome: StepOutcome;
  readonly durationMs: number;
  readonly error: unknown;
}

/** Opens a span for a piece of work, and reports how it ended. The result and any error pass through. */
export type StepRecorder = <T>(
  name: string,
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

/**
 * The one way to open a span. Span, histogram and report come from the same place and cannot drift apart.
 *
 * The span records the error's type alone: a message may quote what a user wrote.
 */
export function createStepRecorder({ metric, onEnd }: StepRecorderOptions): StepRecorder {
  const tracer = trace.getTracer('meari');
  const durations: Histogram = metrics.getMeter('meari').createHistogram(metric.name, {
    description: metric.description,
    unit: 's',
    advice: { explicitBucketBoundaries: BUCKETS_SECONDS },
  });

  return (name, attributes, run) => {
    const step = enterStep(name);
    return tracer.startActiveSpan(name, { attributes }, step.context, async (span) => {
      const leave = step.begin();
      const startedAt = performance.now();
      const end = (outcome: StepOutcome, error?: unknown) => {
        const durationMs = performance.now() - startedAt;
        durations.record(durationMs / 1000, { step: name, outcome });
        onEnd?.({ name, attributes, outcome, durationMs, error });
        span.end();
        leave();
      };
      try {
        const result = await run(span);
        end('ok');
        return result;
      } catch (error) {
        const outcome = outcomeOf(error);
        span.setAttribute('error.type', errorType(error));
        span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
        end(outcome, error);
        throw error;
      }
    });
  };
}

/** `AbortSignal.timeout` rejects with TimeoutError, an aborted signal with AbortError: names of the DOM standard. */
function outcomeOf(error: unknown): StepOutcome {
  if (!(error instanceof Error)) return 'error';
  if (error.name === 'TimeoutError') return 'timeout';
  return error.name === 'AbortError' ? 'cancelled' : 'error';
}

/** The value of the semantic convention `error.type`: an error's code where it has one, else its class. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : error.name;
}
