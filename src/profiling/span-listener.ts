import { SpanKind } from '@opentelemetry/api';
import { noteConsumed, noteSent } from './activity.ts';
import type { CallHooks } from './capture/calls.ts';
import { meter } from './cost/meter.ts';
import type { Collector } from './store/collector.ts';
import type { RecordedSpan } from './tracing/recorded-span.ts';
import type { SpanListener } from './tracing/tracer-provider.ts';

/** Gives every span of this process to the profiler, and hands it on to the exporter without what must not leave. */
export function localSpanListener(
  collector: Collector,
  hooks: CallHooks,
  exporter: { readonly onEnd: (span: RecordedSpan) => void } | undefined,
): SpanListener {
  return {
    onStart(span) {
      const enteredAt = meter.enter();
      collector.started(span);
      if (span.kind === SpanKind.CLIENT) hooks.called(span);
      else if (span.kind === SpanKind.PRODUCER) noteSent(span);
      else if (span.kind === SpanKind.CONSUMER) {
        meter.countRequest();
        noteConsumed(span);
      }
      meter.leave(enteredAt);
    },
    onEnd(span) {
      const enteredAt = meter.enter();
      removeTexts(span);
      // Before the collector, which may find that the trace is over with it.
      exporter?.onEnd(span);
      collector.ended(span);
      meter.leave(enteredAt);
    },
  };
}

/**
 * The message of an error quotes the values that it is about, and a query string holds keys and what somebody looked
 * for: whatever instrumentation has put them there, nobody gets to see them.
 */
function removeTexts(span: RecordedSpan): void {
  if (span.status.message !== undefined) span.status = { code: span.status.code };
  for (const { attributes } of span.events) delete attributes['exception.message'];
  const url = span.attributes['url.full'];
  if (typeof url !== 'string') return;
  delete span.attributes['url.query'];
  const end = url.search(/[?#]/);
  if (end >= 0) span.attributes['url.full'] = url.slice(0, end);
}
