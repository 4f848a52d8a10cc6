import { SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import { KEEP, WAITED_MS } from '../attributes.ts';
import type { RecordedSpan } from './recorded-span.ts';

/** Milliseconds from which on a request, a job or another local root is slow, by the name of its span. */
export interface SlowLimits {
  readonly byName: Readonly<Record<string, number>>;
  readonly otherwise: number;
}

export interface TailExportOptions {
  readonly exporter: Pick<SpanProcessor, 'onEnd'>;
  readonly slowMs: SlowLimits;
  /** Spans that wait for a decision at most, of all traces; some 1 KiB each. */
  readonly mostHeld?: number;
}

export type TailExport = ReturnType<typeof createTailExport>;

const MOST_HELD = 8_192;
/** Traces whose export was decided here, for what of them ends later. */
const REMEMBERED = 1_024;

/**
 * Exports what the head of a trace has chosen at once, and of the rest, when nothing of a trace runs in this process
 * any more, those traces that turned out to be worth it: with an error in them, slow, or asked for by `keepTrace`.
 *
 * Each process decides on its own part. Head decisions agree everywhere, because they travel with the trace; a part
 * whose process saw neither error nor slowness is missing where another one's was.
 */
export function createTailExport({ exporter, slowMs, mostHeld = MOST_HELD }: TailExportOptions) {
  /** By trace, the one that was seen first at the front. */
  const held = new Map<string, RecordedSpan[]>();
  const chosen = new Set<string>();
  let heldSpans = 0;

  function send(spans: readonly RecordedSpan[], reason: string): void {
    for (const span of spans) {
      // The flag says whether a span was exported; whoever reads it downstream has to know.
      span.spanContext().traceFlags |= TraceFlags.SAMPLED;
      if (isLocalRoot(span)) span.attributes[KEEP] = reason;
      exporter.onEnd(span);
    }
  }

  function decide(traceId: string): void {
    const spans = held.get(traceId);
    if (spans === undefined) return;
    held.delete(traceId);
    heldSpans -= spans.length;
    const reason = reasonToKeep(spans, slowMs) ?? (chosen.has(traceId) ? 'continued' : undefined);
    if (reason === undefined) return;
    chosen.delete(traceId);
    chosen.add(traceId);
    const [oldest] = chosen.size > REMEMBERED ? chosen : [];
    if (oldest !== undefined) chosen.delete(oldest);
    send(spans, reason);
  }

  return {
    onEnd(span: RecordedSpan): void {
      const { traceId, traceFlags } = span.spanContext();
      if ((traceFlags & TraceFlags.SAMPLED) !== 0) {
        exporter.onEnd(span);
        return;
      }
      const spans = held.get(traceId);
      if (spans === undefined) held.set(traceId, [span]);
      else spans.push(span);
      heldSpans += 1;
      while (heldSpans > mostHeld) decideFirst();
    },

    /** To be called when nothing of the trace runs here any more. */
    decide,

    /** Decides on everything: at the end of the process. */
    flush(): void {
      while (held.size > 0) decideFirst();
    },

    heldSpans: () => heldSpans,
  };

  /** By what is known of it so far. */
  function decideFirst(): void {
    const [first] = held.keys();
    if (first !== undefined) decide(first);
  }
}

/** Why the trace is worth reading; undefined when it is as all the others. */
function reasonToKeep(spans: readonly RecordedSpan[], slowMs: SlowLimits): string | undefined {
  let reason: string | undefined;
  for (const span of spans) {
    if (span.status.code === SpanStatusCode.ERROR) return 'error';
    const asked = span.attributes[KEEP];
    if (typeof asked === 'string') reason = asked;
    if (!isLocalRoot(span)) continue;
    const tookMs = span.endMs - span.startMs + Number(span.attributes[WAITED_MS] ?? 0);
    if (tookMs >= (slowMs.byName[span.name] ?? slowMs.otherwise)) reason ??= 'slow';
  }
  return reason;
}

/** A request, a job, or whatever else nobody in this process waited for. */
function isLocalRoot({ parentSpanContext }: RecordedSpan): boolean {
  return parentSpanContext === undefined || parentSpanContext.isRemote === true;
}
