import {
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { isTracingSuppressed } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import { fromTimeInput, now } from './clock.ts';
import { RecordedSpan } from './recorded-span.ts';
import type { Sampler } from './sampler.ts';

export interface SpanListener {
  onStart(span: RecordedSpan): void;
  onEnd(span: RecordedSpan): void;
}

/** What the layer's own code may say as well. */
export interface OwnSpanOptions extends SpanOptions {
  /** The attributes are the span's from now on, which need not copy them; whoever wrote them may add to them. */
  readonly handsOver?: boolean;
}

export interface TracerProviderOptions {
  readonly resource: Resource;
  readonly sampler: Sampler;
  readonly listener: SpanListener;
}

/** Tracers of the OpenTelemetry API whose spans cost little: see `RecordedSpan`. */
export function createTracerProvider({ resource, sampler, listener }: TracerProviderOptions): TracerProvider {
  const onEnd = (span: RecordedSpan) => listener.onEnd(span);

  function createTracer(scope: { name: string; version?: string }): Tracer {
    function startSpan(name: string, options: OwnSpanOptions = {}, within: Context = context.active()): Span {
      if (isTracingSuppressed(within)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
      const parent = options.root ? undefined : parentIn(within);
      const traceId = parent?.traceId ?? newId(traceIdCodes);
      const decision = sampler(parent, traceId);
      const spanContext: SpanContext = {
        traceId,
        spanId: newId(spanIdCodes),
        traceFlags: decision === 'export' ? TraceFlags.SAMPLED : TraceFlags.NONE,
      };
      if (parent?.traceState !== undefined) spanContext.traceState = parent.traceState;
      if (decision === 'drop') return trace.wrapSpanContext(spanContext);
      const span = new RecordedSpan({
        name,
        kind: options.kind ?? SpanKind.INTERNAL,
        context: spanContext,
        parent,
        attributes: options.attributes,
        handsOver: options.handsOver === true,
        startMs: options.startTime === undefined ? now() : fromTimeInput(options.startTime),
        resource,
        scope,
        onEnd,
      });
      const above = options.root ? undefined : trace.getSpan(within);
      if (above instanceof RecordedSpan) {
        span.work = above.work;
        span.collectedIn = above.collectedIn;
      }
      if (options.links !== undefined) span.addLinks(options.links);
      listener.onStart(span);
      return span;
    }

    return {
      startSpan,
      // The API's overloads: the function is last, options and context may stand before it.
      startActiveSpan(name: string, ...rest: unknown[]) {
        const work = rest.pop() as (span: Span) => never;
        const [options, within = context.active()] = rest as [SpanOptions?, Context?];
        const span = startSpan(name, options, within);
        return context.with(trace.setSpan(within, span), work, undefined, span);
      },
    };
  }

  const tracers = new Map<string, Tracer>();
  return {
    getTracer(name, version) {
      const key = `${name}@${version ?? ''}`;
      const tracer = tracers.get(key) ?? createTracer(version === undefined ? { name } : { name, version });
      tracers.set(key, tracer);
      return tracer;
    },
  };
}

function parentIn(within: Context): SpanContext | undefined {
  const above = trace.getSpan(within);
  const spanContext = above?.spanContext();
  if (spanContext === undefined || above instanceof RecordedSpan) return spanContext;
  return trace.isSpanContextValid(spanContext) ? spanContext : undefined;
}

/** The codes of `0` to `9` and `a` to `f`. */
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
const traceIdCodes: number[] = new Array(32).fill(0);
const spanIdCodes: number[] = new Array(16).fill(0);

/** Random, but no secret, as in the SDK: asking the system for random bytes takes longer than the rest of a span. */
function newId(codes: number[]): string {
  for (let place = 0; place < codes.length; place += 8) {
    let rest = (Math.random() * 2 ** 32) >>> 0;
    for (let digit = place; digit < place + 8; digit++) {
      codes[digit] = HEX[rest & 15] as number;
      rest >>>= 4;
    }
  }
  return String.fromCharCode(...codes);
}
