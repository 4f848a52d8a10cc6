import { type Context, context, ROOT_CONTEXT, type Span, type SpanOptions, trace } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { createCallHooks } from '../../src/profiling/capture/calls.ts';
import { createProfiler, type ProfilerOptions } from '../../src/profiling/profiler.ts';
import { localSpanListener } from '../../src/profiling/span-listener.ts';
import { createTracerProvider } from '../../src/profiling/tracing/tracer-provider.ts';

const SERVER = 1;

/** A profiler with tracers of its own, beside that of the process. */
export function startProfiler(
  options: Partial<ProfilerOptions> = {},
  onExport?: (span: ReadableSpan) => void,
) {
  const profiler = createProfiler({
    service: 'test',
    budgetBytes: 32 * 1024 * 1024,
    blocks: () => [],
    ...options,
  });
  const hooks = createCallHooks();
  const provider = createTracerProvider({
    resource: emptyResource(),
    sampler: () => 'record',
    listener: localSpanListener(profiler.collector, hooks, onExport && { onEnd: onExport }),
  });
  const tracer = provider.getTracer('test');
  const start = (name: string, parent: Span | Context | undefined, given: SpanOptions = {}): Span => {
    const within =
      parent === undefined ? ROOT_CONTEXT : 'end' in parent ? trace.setSpan(ROOT_CONTEXT, parent) : parent;
    return tracer.startSpan(name, given, within);
  };
  return {
    profiler,
    hooks,
    settle: profiler.collector.settle,
    start,
    /** A request that has not ended yet. */
    request(route: string, given: SpanOptions = {}): Span {
      return start('GET', undefined, {
        kind: SERVER,
        ...given,
        attributes: { 'http.request.method': 'GET', 'http.route': route, ...given.attributes },
      });
    },
    within: <T>(span: Span, work: () => T): T => context.with(trace.setSpan(ROOT_CONTEXT, span), work),
  };
}
