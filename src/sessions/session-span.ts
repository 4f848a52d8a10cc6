import { type Attributes, trace } from '@opentelemetry/api';

/** The attribute by which the spans of a session are found: on its requests, its runs and their steps. */
export const SESSION_ID = 'meari.session.id';

/** Says of the active span, which is that of a request or a run, which session it is about. */
export function noteSession(sessionId: string): void {
  trace.getActiveSpan()?.setAttribute(SESSION_ID, sessionId);
}

/** Something that happened to the session, on the span of the request or run it happened in. */
export function noteChange(
  change: 'accepted' | 'claimed' | 'completed' | 'failed' | 'lease_lost' | 'released' | 'queue_fallback',
  attributes: Attributes = {},
): void {
  trace.getActiveSpan()?.addEvent(`meari.session.${change}`, attributes);
}
