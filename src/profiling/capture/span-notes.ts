import type { Span } from '@opentelemetry/api';
import { RecordedSpan } from '../tracing/recorded-span.ts';

/** What the layer knows of a span and must not leave the process: it is in no attribute, so that no exporter sends it. */
export interface SpanNotes {
  /** What kind of call it is, without its values: the same for each round of a loop. */
  readonly fingerprint: string;
  /** Keyed hash of its values: bindings, a key, a URL, a prompt. */
  readonly values: string;
  readonly callSite: string | undefined;
}

/** A span that is not recorded has no notes. */
export function noteSpan(span: Span, notes: SpanNotes): void {
  if (span instanceof RecordedSpan) span.notes = notes;
}
