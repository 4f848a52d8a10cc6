import type { Span } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { type StoredSpan, storeSpan } from './stored-span.ts';

/** The spans of one trace that this process has seen, when nothing of it runs here any more. */
export interface CollectedTrace {
  readonly traceId: string;
  readonly spans: readonly StoredSpan[];
  readonly droppedSpans: number;
}

interface OpenSpan {
  readonly span: ReadableSpan;
  readonly start: number;
}

interface OpenTrace {
  readonly traceId: string;
  readonly firstSeen: number;
  readonly running: Map<string, OpenSpan>;
  readonly spans: StoredSpan[];
  /** Calls so far, by fingerprint and parent. */
  readonly repeats: Map<string, Map<string, number>>;
  droppedSpans: number;
  bytes: number;
  /** When the last of its spans ended; undefined while one runs. */
  quietSince: number | undefined;
}

export interface CollectorOptions {
  readonly spansPerTrace: number;
  /** Bytes of all traces that are not put away yet. */
  readonly budgetBytes: number;
  readonly onTrace: (trace: CollectedTrace) => void;
  /** Milliseconds of `performance.now()`. */
  readonly now: () => number;
}

export type Collector = ReturnType<typeof createCollector>;

/**
 * Milliseconds that a trace must be quiet before it counts as finished: a request that has been answered may still
 * be handed to a consumer of the same process. Whoever comes later than that is added to the trace then.
 */
export const QUIET_MS = 200;

/** Milliseconds after which a trace is put away with what runs in it, lest a span that nobody ends be kept for ever. */
const OPEN_LIMIT_MS = 10 * 60_000;

/** Bytes of a trace and of a running span in it: maps and their entries. */
const TRACE_BYTES = 500;
const RUNNING_BYTES = 100;

/** Puts the spans of each trace together until nothing of it runs in this process. */
export function createCollector({ spansPerTrace, budgetBytes, onTrace, now }: CollectorOptions) {
  /** By id, in the order in which they were first seen. */
  const traces = new Map<string, OpenTrace>();
  /** Those that are quiet, in the order in which they became so. */
  const quiet = new Set<OpenTrace>();
  let bytes = 0;

  function started(span: ReadableSpan): void {
    const { traceId, spanId } = span.spanContext();
    const trace = traces.get(traceId) ?? open(traceId);
    if (trace.quietSince !== undefined) {
      trace.quietSince = undefined;
      quiet.delete(trace);
    }
    trace.running.set(spanId, { span, start: startOf(span) });
    grow(trace, RUNNING_BYTES);
  }

  function ended(span: ReadableSpan): void {
    const { traceId, spanId } = span.spanContext();
    // One that was put away before it ended comes back for this span alone.
    const trace = traces.get(traceId) ?? open(traceId);
    const start = trace.running.get(spanId)?.start ?? startOf(span);
    if (trace.running.delete(spanId)) grow(trace, -RUNNING_BYTES);
    if (trace.spans.length >= spansPerTrace) trace.droppedSpans += 1;
    else {
      const stored = storeSpan(span, start, start + millisecondsOf(span.duration));
      trace.spans.push(stored);
      grow(trace, stored.bytes);
    }
    if (trace.running.size > 0) return;
    trace.quietSince = now();
    quiet.add(trace);
    makeRoom();
  }

  function open(traceId: string): OpenTrace {
    const trace: OpenTrace = {
      traceId,
      firstSeen: now(),
      running: new Map(),
      spans: [],
      repeats: new Map(),
      droppedSpans: 0,
      bytes: 0,
      quietSince: undefined,
    };
    traces.set(traceId, trace);
    grow(trace, TRACE_BYTES);
    makeRoom();
    return trace;
  }

  function grow(trace: OpenTrace, by: number): void {
    trace.bytes += by;
    bytes += by;
  }

  /** What is quiet goes first; then the oldest, with what runs in it. */
  function makeRoom(): void {
    while (bytes > budgetBytes) {
      const [trace] = quiet.size > 0 ? quiet : traces.values();
      if (trace === undefined) return;
      putAway(trace);
    }
  }

  function putAway(trace: OpenTrace): void {
    traces.delete(trace.traceId);
    quiet.delete(trace);
    bytes -= trace.bytes;
    const end = now();
    const running = [...trace.running.values()]
      .slice(0, Math.max(0, spansPerTrace - trace.spans.length))
      .map(({ span, start }) => storeSpan(span, start, Math.max(start, end), true));
    onTrace({
      traceId: trace.traceId,
      spans: [...trace.spans, ...running],
      droppedSpans: trace.droppedSpans + trace.running.size - running.length,
    });
  }

  /**
   * By the clock of this process where the span has just begun: the SDK rounds it to milliseconds, and siblings that
   * follow each other would overlap. A start that was given by the caller is taken as it is.
   */
  function startOf(span: ReadableSpan): number {
    const given = millisecondsOf(span.startTime) - performance.timeOrigin;
    const present = now();
    return Math.abs(present - given) <= ROUNDING_MS ? present : given;
  }

  return {
    started,
    ended,

    /** How often this kind of call has been made under this parent, this time included. */
    countRepeat(span: Span, fingerprint: string): number {
      const trace = traces.get(span.spanContext().traceId);
      if (trace === undefined) return 1;
      const parentId = (span as unknown as ReadableSpan).parentSpanContext?.spanId ?? '';
      const byParent = trace.repeats.get(fingerprint) ?? new Map<string, number>();
      const count = (byParent.get(parentId) ?? 0) + 1;
      byParent.set(parentId, count);
      if (byParent.size === 1 && count === 1) trace.repeats.set(fingerprint, byParent);
      if (count === 1) grow(trace, RUNNING_BYTES);
      return count;
    },

    /** Puts away what is finished, and what has been open for too long. */
    sweep(): void {
      const present = now();
      for (const trace of quiet) {
        if (present - (trace.quietSince ?? present) < QUIET_MS) break;
        putAway(trace);
      }
      for (const trace of traces.values()) {
        if (present - trace.firstSeen < OPEN_LIMIT_MS) break;
        putAway(trace);
      }
    },

    /** Puts away whatever is quiet, at once. */
    settle(): void {
      for (const trace of quiet) putAway(trace);
    },

    openTraces: () => traces.size,
    bytes: () => bytes,
  };
}

/** Milliseconds: the SDK's clock for starts is `Date.now()`. */
const ROUNDING_MS = 3;

function millisecondsOf([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1_000 + nanoseconds / 1e6;
}
