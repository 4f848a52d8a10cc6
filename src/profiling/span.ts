import { context, trace } from '@opentelemetry/api';
import { recordError } from './step.ts';
import { withSpan } from './tracing/span-context.ts';

/** A span around work that is no step of its own: no metric, no report. The result and any error pass through. */
export async function inSpan<T>(name: string, work: () => Promise<T>): Promise<T> {
  const span = trace.getTracer('profiler').startSpan(name);
  try {
    return await context.with(withSpan(context.active(), span), work);
  } catch (error) {
    recordError(span, error);
    throw error;
  } finally {
    span.end();
  }
}
