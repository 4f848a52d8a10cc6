import { SpanKind } from '@opentelemetry/api';
import { takeOut } from '../take-out.ts';
import type { RecordedSpan } from '../tracing/recorded-span.ts';
import { createQueue } from './queue.ts';
import { StoredSpan } from './stored-span.ts';

/** The spans of one trace that this process has seen, when nothing of it runs here any more. */
export interface CollectedTrace {
  readonly traceId: string;
  readonly spans: readonly StoredSpan[];
  readonly droppedSpans: number;
  /** Nothing of it can have been put away before. */
  readonly isNew: boolean;
}

/** The spans of a trace of which something may still run here. A class for the same reason as `StoredSpan`. */
class OpenTrace implements CollectedTrace {
  readonly traceId: string;
  readonly firstSeen: number;
  /** A list, because they are few, and mostly the last that started ends first. */
  running: RecordedSpan[] = [];
  spans: StoredSpan[] = [];
  droppedSpans = 0;
  bytes = 0;
  /** When the last of its spans ended; undefined while one runs. */
  quietSince: number | undefined = undefined;
  /** It began with a request, which has been answered. */
  isAnswered = false;
  /** Something was put into a queue, or taken out of one. */
  isHandedOn = false;
  /** Others know of it, so that a span can be of this trace whose parent does not run here. */
  isKnown = false;
  isOpen = true;
  readonly isNew: boolean;

  constructor(traceId: string, firstSeen: number, isNew: boolean) {
    this.traceId = traceId;
    this.firstSeen = firstSeen;
    this.isNew = isNew;
  }
}

interface Quiet {
  readonly trace: OpenTrace;
  readonly since: number;
}

/** Where a span is collected that had ended, but was not looked at yet, when its trace was put away with it. */
const PUT_AWAY = { isOpen: false };

/** Otherwise it has been put away, or something of it ran again. */
function isStillQuiet({ trace, since }: Quiet): boolean {
  return trace.isOpen && trace.quietSince === since;
}

export interface CollectorOptions {
  readonly spansPerTrace: number;
  /** Bytes of all traces that are not put away yet. */
  readonly budgetBytes: number;
  readonly onTrace: (trace: CollectedTrace) => void;
  /** Told when it has looked at what has started and ended. */
  readonly onLook?: (() => void) | undefined;
  /** Milliseconds of `performance.now()`. */
  readonly now: () => number;
}

export type Collector = ReturnType<typeof createCollector>;

/**
 * Milliseconds that a trace must be quiet before it counts as finished: a request that has been answered may still
 * be handed to a consumer of the same process. Whoever comes later than that is added to the trace then.
 */
export const QUIET_MS = 200;

/**
 * The same for a request that nothing was handed on from: nobody else can go on with it, and the sooner it is looked
 * at, the more of it is still in the processor's caches.
 */
const ANSWERED_QUIET_MS = 20;

/** Milliseconds after which a trace is put away with what runs in it, lest a span that nobody ends be kept for ever. */
const OPEN_LIMIT_MS = 10 * 60_000;

/**
 * Spans that have ended and wait to be put away together: what runs a hundred times in a row takes a fraction of the
 * time that it takes in the middle of each of a hundred requests, whose code has just pushed it out of the processor's
 * caches.
 */
const ENDED = 128;

/** Bytes of a trace and of a running span in it. */
const TRACE_BYTES = 500;
const RUNNING_BYTES = 100;

/** Puts the spans of each trace together until nothing of it runs in this process. */
export function createCollector({ spansPerTrace, budgetBytes, onTrace, onLook, now }: CollectorOptions) {
  /** Those that a span may be for whose parent does not run here, by id. */
  const known = new Map<string, OpenTrace>();
  const oldest = createQueue<OpenTrace>(({ isOpen }) => isOpen);
  /** Those that are quiet, in the order in which they became so, and among them those that were answered apart. */
  const quiet = createQueue<Quiet>(isStillQuiet);
  const answered = createQueue<Quiet>(isStillQuiet);
  let openTraces = 0;
  let bytes = 0;
  let ended: RecordedSpan[] = [];

  function takeEnded(): void {
    const due = ended;
    ended = [];
    const present = now();
    for (const span of due) keep(span, present);
    onLook?.();
    putAwayQuiet(answered, present - ANSWERED_QUIET_MS);
  }

  function putAwayQuiet(queue: typeof quiet, until: number): void {
    for (let first = queue.first(); first !== undefined; first = queue.first()) {
      if (first.since > until) break;
      putAway(first.trace);
    }
  }

  /** The trace of a span that runs: that of the span above it, where that runs here as well. */
  function traceOf(span: RecordedSpan): OpenTrace {
    const above = span.collectedIn as OpenTrace | undefined;
    if (above?.isOpen) return above;
    const canBeKnown = span.parentSpanContext ?? above;
    return (canBeKnown && known.get(span.spanContext().traceId)) ?? open(span);
  }

  function keep(span: RecordedSpan, present: number): void {
    if (span.collectedIn === PUT_AWAY) return;
    // One that was put away before it ended comes back for this span alone.
    const trace = traceOf(span);
    stopRunning(trace, span);
    if (span.kind === SpanKind.SERVER) trace.isAnswered = true;
    if (trace.spans.length >= spansPerTrace) trace.droppedSpans += 1;
    else {
      const stored = new StoredSpan(span, span.endMs);
      trace.spans.push(stored);
      grow(trace, stored.bytes);
    }
    if (trace.running.length === 0) {
      if (isWhole(trace)) {
        putAway(trace);
        return;
      }
      trace.quietSince = present;
      (trace.isAnswered && !trace.isHandedOn ? answered : quiet).add({ trace, since: present });
    }
    makeRoom();
  }

  function stopRunning(trace: OpenTrace, span: RecordedSpan): void {
    if (takeOut(trace.running, span)) grow(trace, -RUNNING_BYTES);
  }

  function open(span: RecordedSpan): OpenTrace {
    const isRoot = span.parentSpanContext === undefined;
    const isNew = isRoot && span.collectedIn === undefined;
    const trace = new OpenTrace(span.spanContext().traceId, now(), isNew);
    if (!isRoot) makeKnown(trace);
    openTraces += 1;
    oldest.add(trace);
    grow(trace, TRACE_BYTES);
    makeRoom();
    return trace;
  }

  function makeKnown(trace: OpenTrace): void {
    trace.isKnown = true;
    known.set(trace.traceId, trace);
  }

  function grow(trace: OpenTrace, by: number): void {
    trace.bytes += by;
    bytes += by;
  }

  /** What is quiet goes first; then the oldest, with what runs in it. */
  function makeRoom(): void {
    while (bytes > budgetBytes) {
      const trace = (answered.first() ?? quiet.first())?.trace ?? oldest.first();
      if (trace === undefined) return;
      putAway(trace);
    }
  }

  function putAway(trace: OpenTrace): void {
    if (trace.isKnown) known.delete(trace.traceId);
    openTraces -= 1;
    trace.isOpen = false;
    bytes -= trace.bytes;
    if (trace.running.length > 0) cutOff(trace);
    onTrace(trace);
    // Whoever still holds one of its spans, such as a context that lives on, holds the trace, and must not hold the rest.
    trace.spans = [];
    trace.running = [];
  }

  /** What still runs is kept as far as it has come. */
  function cutOff(trace: OpenTrace): void {
    const end = now();
    const room = Math.max(0, spansPerTrace - trace.spans.length);
    for (const span of trace.running.slice(0, room)) trace.spans.push(new StoredSpan(span, end));
    trace.droppedSpans += Math.max(0, trace.running.length - room);
    for (const span of trace.running) if (span.ended) span.collectedIn = PUT_AWAY;
  }

  return {
    /** To be called when a span has started. */
    started(span: RecordedSpan): void {
      const trace = traceOf(span);
      span.collectedIn = trace;
      if (span.kind === SpanKind.PRODUCER || span.kind === SpanKind.CONSUMER) trace.isHandedOn = true;
      if (!trace.isKnown && (span.kind === SpanKind.PRODUCER || span.kind === SpanKind.CLIENT))
        makeKnown(trace);
      trace.quietSince = undefined;
      trace.running.push(span);
      grow(trace, RUNNING_BYTES);
    },

    /** To be called when it has ended. */
    ended(span: RecordedSpan): void {
      ended.push(span);
      if (ended.length >= ENDED) takeEnded();
    },

    /** Puts away what is finished, and what has been open for too long. */
    sweep(): void {
      takeEnded();
      const present = now();
      putAwayQuiet(quiet, present - QUIET_MS);
      for (let trace = oldest.first(); trace !== undefined; trace = oldest.first()) {
        if (present - trace.firstSeen < OPEN_LIMIT_MS) break;
        putAway(trace);
      }
    },

    /** Puts away whatever is quiet, at once. */
    settle(): void {
      takeEnded();
      putAwayQuiet(answered, Number.POSITIVE_INFINITY);
      putAwayQuiet(quiet, Number.POSITIVE_INFINITY);
    },

    openTraces: () => openTraces,
    bytes: () => bytes,
  };
}

/** A request in which nothing else was seen: there is nobody who could go on with it. */
function isWhole({ spans: [span], spans: { length } }: OpenTrace): boolean {
  return length === 1 && span?.kind === 'server';
}
