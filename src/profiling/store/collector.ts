import type { RecordedSpan } from '../tracing/recorded-span.ts';
import { createQueue } from './queue.ts';
import { type StoredSpan, storeSpan } from './stored-span.ts';

/** The spans of one trace that this process has seen, when nothing of it runs here any more. */
export interface CollectedTrace {
  readonly traceId: string;
  readonly spans: readonly StoredSpan[];
  readonly droppedSpans: number;
}

interface OpenTrace {
  readonly traceId: string;
  readonly firstSeen: number;
  /** A list, because they are few, and mostly the last that started ends first. */
  readonly running: RecordedSpan[];
  readonly spans: StoredSpan[];
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

/** Starts and ends that wait to be put together: in one go: what runs a hundred times in a row takes a fraction of the
 * time that it takes in the middle of each of a hundred requests, whose code has just pushed it out of the processor's
 * caches. */
const EVENTS = 256;

/** Bytes of a trace and of a running span in it. */
const TRACE_BYTES = 500;
const RUNNING_BYTES = 100;

/** Puts the spans of each trace together until nothing of it runs in this process. */
export function createCollector({ spansPerTrace, budgetBytes, onTrace, now }: CollectorOptions) {
  const traces = new Map<string, OpenTrace>();
  const oldest = createQueue<OpenTrace>((trace) => traces.get(trace.traceId) === trace);
  /** Those that are quiet, in the order in which they became so. */
  const quiet = new Set<OpenTrace>();
  let bytes = 0;
  /** Each span once when it has started, and again when it has ended. */
  let events: RecordedSpan[] = [];

  function note(span: RecordedSpan): void {
    events.push(span);
    if (events.length >= EVENTS) takeEvents();
  }

  function takeEvents(): void {
    const due = events;
    events = [];
    for (const span of due) {
      if (span.isCollected) ended(span);
      else started(span);
    }
  }

  function started(span: RecordedSpan): void {
    span.isCollected = true;
    const { traceId } = span.spanContext();
    const trace = traces.get(traceId) ?? open(traceId);
    if (trace.quietSince !== undefined) {
      trace.quietSince = undefined;
      quiet.delete(trace);
    }
    trace.running.push(span);
    grow(trace, RUNNING_BYTES);
  }

  function ended(span: RecordedSpan): void {
    const { traceId } = span.spanContext();
    // One that was put away before it ended comes back for this span alone.
    const trace = traces.get(traceId) ?? open(traceId);
    const place = trace.running.lastIndexOf(span);
    if (place >= 0) {
      trace.running.splice(place, 1);
      grow(trace, -RUNNING_BYTES);
    }
    if (trace.spans.length >= spansPerTrace) trace.droppedSpans += 1;
    else {
      const stored = storeSpan(span, span.endMs);
      trace.spans.push(stored);
      grow(trace, stored.bytes);
    }
    if (trace.running.length === 0) {
      if (isWhole(trace)) {
        putAway(trace);
        return;
      }
      trace.quietSince = now();
      quiet.add(trace);
    }
    makeRoom();
  }

  function open(traceId: string): OpenTrace {
    const trace: OpenTrace = {
      traceId,
      firstSeen: now(),
      running: [],
      spans: [],
      droppedSpans: 0,
      bytes: 0,
      quietSince: undefined,
    };
    traces.set(traceId, trace);
    oldest.add(trace);
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
      const [trace = oldest.first()] = quiet;
      if (trace === undefined) return;
      putAway(trace);
    }
  }

  function putAway(trace: OpenTrace): void {
    traces.delete(trace.traceId);
    quiet.delete(trace);
    bytes -= trace.bytes;
    const end = now();
    const room = Math.max(0, spansPerTrace - trace.spans.length);
    for (const span of trace.running.slice(0, room)) trace.spans.push(storeSpan(span, end));
    const droppedSpans = trace.droppedSpans + Math.max(0, trace.running.length - room);
    onTrace({ traceId: trace.traceId, spans: trace.spans, droppedSpans });
  }

  return {
    /** To be called when a span has started, and again when it has ended. */
    note,

    /** Puts away what is finished, and what has been open for too long. */
    sweep(): void {
      takeEvents();
      const present = now();
      for (const trace of quiet) {
        if (present - (trace.quietSince ?? present) < QUIET_MS) break;
        putAway(trace);
      }
      for (let trace = oldest.first(); trace !== undefined; trace = oldest.first()) {
        if (present - trace.firstSeen < OPEN_LIMIT_MS) break;
        putAway(trace);
      }
    },

    /** Puts away whatever is quiet, at once. */
    settle(): void {
      takeEvents();
      for (const trace of quiet) putAway(trace);
    },

    openTraces: () => traces.size,
    bytes: () => bytes,
  };
}

/** A request in which nothing else was seen: there is nobody who could go on with it. */
function isWhole({ spans: [span], spans: { length } }: OpenTrace): boolean {
  return length === 1 && span?.kind === 'server';
}
