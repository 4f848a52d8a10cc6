import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, pino } from 'pino';
import { framesOf } from './profiling/tracing/stack-frames.ts';

export type { Logger } from 'pino';

/**
 * Structured log, one JSON object a line, each with the trace and span it belongs to.
 * Callers pass ids, names, counts and durations; text that a user wrote never goes in.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: activeSpanFields,
    // Callers describe errors themselves; one that forgets to must not print its message.
    serializers: { err: (err: unknown) => (err instanceof Error ? describeError(err) : err) },
  };
  return destination ? pino(options, destination) : pino(options);
}

function activeSpanFields(): Record<string, string> {
  const context = trace.getActiveSpan()?.spanContext();
  return context && isSpanContextValid(context) ? { trace_id: context.traceId, span_id: context.spanId } : {};
}

/**
 * Type, code and stack frames, without the message: a database or model error quotes the values that it was
 * given, and those may be what a user wrote.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = (error as { code?: unknown }).code;
  return {
    type: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    frames: framesOf(error)
      .slice(0, 12)
      .map((line) => line.trim()),
    ...(error.cause ? { cause: describeError(error.cause) } : {}),
  };
}
