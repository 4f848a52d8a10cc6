import { type Context, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace';
import type { CallHooks } from './capture/calls.ts';
import { meter } from './cost/meter.ts';
import type { Collector } from './store/collector.ts';

/** Feeds every span of this process to the profiler, and takes out of it what must not leave. */
export function localSpanProcessor(collector: Collector, hooks: CallHooks): SpanProcessor {
  return {
    onStart(span: Span, _parent: Context) {
      const enteredAt = meter.enter();
      const readable = span as Span & ReadableSpan;
      collector.started(readable);
      if (readable.kind === SpanKind.CLIENT) hooks.request(readable);
      meter.leave(enteredAt);
    },
    onEnding: removeTexts,
    onEnd(span) {
      const enteredAt = meter.enter();
      collector.ended(span);
      meter.leave(enteredAt);
    },
    async forceFlush() {},
    async shutdown() {},
  };
}

/**
 * Messages of errors quote the values that they are about, and query strings hold keys and what somebody looked for:
 * whatever instrumentation has put them there, no processor and no exporter gets to see them.
 */
function removeTexts(span: Span): void {
  const { status, events, attributes } = span as Span & ReadableSpan;
  if (status.message !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
  for (const event of events) {
    if (event.attributes === undefined) continue;
    delete event.attributes['exception.message'];
    const trace = event.attributes['exception.stacktrace'];
    if (typeof trace === 'string') event.attributes['exception.stacktrace'] = framesOf(trace);
  }
  const url = attributes['url.full'];
  if (typeof url !== 'string') return;
  delete attributes['url.query'];
  const end = url.search(/[?#]/);
  if (end >= 0) attributes['url.full'] = url.slice(0, end);
}

function framesOf(stackTrace: string): string {
  return stackTrace
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}
