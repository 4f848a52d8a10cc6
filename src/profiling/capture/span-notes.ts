import type { Span } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

/**
 * What the layer knows of a span and must not leave the process: beside the span, not in its attributes, so that no
 * exporter can send it.
 */
export interface SpanNotes {
  /** What kind of call it is, without its values: the same for each round of a loop. */
  readonly fingerprint: string;
  /** Keyed hash of its values: bindings, a key, a URL, a prompt. */
  readonly values: string;
  readonly callSite: string | undefined;
}

const notes = new WeakMap<object, SpanNotes>();

export function noteSpan(span: Span, given: SpanNotes): void {
  notes.set(span, given);
}

export function notesOf(span: Span | ReadableSpan): SpanNotes | undefined {
  return notes.get(span);
}
