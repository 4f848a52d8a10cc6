import type { Span } from '@opentelemetry/api';
import { RecordedSpan, type SpanNotes } from '../tracing/recorded-span.ts';

/** A span that is not recorded has no notes. */
export function noteSpan(span: Span, notes: SpanNotes): void {
  if (span instanceof RecordedSpan) span.notes = notes;
}
