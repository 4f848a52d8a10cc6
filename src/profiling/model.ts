/**
 * What the profiler tells, as plain values: the page and its JSON API serve them as they are.
 *
 * Times are milliseconds with fractions. `startMs` counts from the start of the trace, `startedAt` from the epoch.
 * A share is a part of 1. Texts are English; whoever translates them composes from `rule` and `evidence` instead.
 */

/** The kinds of spans of OpenTelemetry. */
export type SpanKindName = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

/** What a span waits for, where all that it does is to wait. */
export type WaitKind = 'pool' | 'queue' | 'limiter';

/** Of allow-listed names alone: no user text, binding, cookie or key can be among them. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface SpanEvent {
  readonly name: string;
  readonly atMs: number;
  readonly attributes: SpanAttributes;
}

export interface SpanRecord {
  readonly id: string;
  /** Undefined for a root; may name a span of another process, which is not in the trace. */
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: SpanKindName;
  /** The declared step that this span is, or that it runs in; undefined outside of every step. */
  readonly step: string | undefined;
  readonly startMs: number;
  readonly durationMs: number;
  readonly status: 'ok' | 'error';
  readonly attributes: SpanAttributes;
  readonly events: readonly SpanEvent[];
  /** `file:line` of the application, relative to its folder; undefined where none was on the stack, or nobody looked. */
  readonly callSite: string | undefined;
}

/** One line of a waterfall: a span where it stands in the tree. */
export interface WaterfallRow extends SpanRecord {
  /** 0 for a root. Rows come in the order of a walk through the tree, children by their start. */
  readonly depth: number;
  /** Of the trace's own time in this span, what none of its children covers. */
  readonly selfMs: number;
  /** Undefined where the span works. */
  readonly wait: WaitKind | undefined;
  /** Part of the trace's critical path, in milliseconds; 0 when it is not on it. */
  readonly criticalMs: number;
}

/** A stretch of time in which the trace waited, drawn as a band of its own. */
export interface WaitBand {
  readonly wait: WaitKind;
  /** The span that waited; for a queue the consumer that was waited for. */
  readonly spanId: string;
  readonly startMs: number;
  readonly durationMs: number;
}

/** A stretch inside a span with children in which none of them ran: time that nobody accounts for. */
export interface Gap {
  readonly spanId: string;
  readonly startMs: number;
  readonly durationMs: number;
}

/** The segments of a critical path follow each other without gap or overlap, from its first moment to its last. */
export interface CriticalSegment {
  readonly spanId: string;
  readonly name: string;
  readonly step: string | undefined;
  readonly startMs: number;
  readonly durationMs: number;
}

/** A piece of work that is looked at as a whole: a request, or a job that nobody waited for. */
export interface UnitOfWork {
  /** `POST /api/v1/things/:id`, or the name of the job's span: the key of its route. */
  readonly route: string;
  readonly spanId: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly criticalPath: readonly CriticalSegment[];
}

export interface TraceSummary {
  readonly traceId: string;
  /** Of its first unit. */
  readonly route: string;
  readonly startedAt: number;
  /** Of its first unit: what the client waited. */
  readonly durationMs: number;
  /** From its first span to its last, with what went on after the answer. */
  readonly totalMs: number;
  readonly status: 'ok' | 'error';
  readonly httpStatus: number | undefined;
  readonly spans: number;
  readonly statements: number;
  /** Fingerprints of what was found in it. */
  readonly findings: readonly string[];
  /** Kept although it is old, and why. */
  readonly pinned: 'slow' | 'error' | undefined;
  /** Its root is in another process: this is one part of the trace. */
  readonly continuesElsewhere: boolean;
  /** Some of its spans had not ended when it was put away. */
  readonly unfinished: boolean;
  /** Spans beyond the limit for one trace, which were not kept. */
  readonly droppedSpans: number;
}

export interface TraceDetail extends TraceSummary {
  readonly rows: readonly WaterfallRow[];
  readonly waits: readonly WaitBand[];
  /** Those that are at least 5 % of their unit. */
  readonly gaps: readonly Gap[];
  readonly units: readonly UnitOfWork[];
  readonly findingDetails: readonly Finding[];
}

export interface TraceQuery {
  readonly route?: string;
  readonly status?: 'ok' | 'error';
  readonly minDurationMs?: number;
  /** Traces with at least one finding of this rule. */
  readonly rule?: RuleId;
  /** Traces with this finding. */
  readonly finding?: string;
  /** In the trace's id, its route or a span's name; upper and lower case are the same. */
  readonly text?: string;
  readonly order?: 'newest' | 'slowest';
  /** 50 unless given, at most 500. */
  readonly limit?: number;
}

export interface TracePage {
  readonly traces: readonly TraceSummary[];
  /** How many match, beyond the limit too. */
  readonly matching: number;
}

/** Nearest-rank percentiles of the recent requests of one route, 200 at most. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** How much of the critical path is one step's. */
export interface StepShare {
  /** A declared step; for the time outside of steps, the name of the span, or `(own work)` of the request or job. */
  readonly step: string;
  /** Of the requests around the median, and around the 95th percentile. The shares of all steps sum to 1. */
  readonly shareAtP50: number;
  readonly shareAtP95: number;
  readonly msAtP50: number;
  readonly msAtP95: number;
}

export interface RouteSummary {
  readonly route: string;
  /** What starts it: a request, or a job. */
  readonly kind: 'server' | 'consumer' | 'internal';
  readonly requests: number;
  readonly errors: number;
  readonly durationMs: Percentiles;
  readonly statementsPerRequest: number;
  /** Milliseconds since the start of the process, of all its requests together. */
  readonly totalMs: number;
  readonly verdict: Verdict | undefined;
}

export interface RouteDetail extends RouteSummary {
  readonly steps: readonly StepShare[];
  readonly findings: readonly FindingGroup[];
  readonly slowest: readonly TraceSummary[];
}

/** The bottleneck, by name. */
export interface Verdict {
  readonly route: string;
  readonly step: string;
  readonly shareAtP50: number;
  readonly shareAtP95: number;
  readonly msAtP50: number;
  /** Why, and what mending it would save: about this step, or the whole run. Undefined when no rule knows. */
  readonly reason: Finding | undefined;
  /** Where there is no reason: what saves most in another step of the route. */
  readonly elsewhere: Finding | undefined;
  /** `The bottleneck of POST /api/v1/things is "sources": 62 % of the critical path (1240 of 2000 ms at p50).` */
  readonly text: string;
}

export type RuleId =
  | 'n-plus-one'
  | 'redundant-reads'
  | 'redis-n-plus-one'
  | 'http-n-plus-one'
  | 'sequential-steps'
  | 'slow-statement'
  | 'pool-exhausted'
  | 'model-dominates'
  | 'identical-prompts'
  | 'cache-not-paying'
  | 'event-loop-blocked';

export type Severity = 'info' | 'warning' | 'critical';

/**
 * A candidate for mending, with what speaks for it. `evidence` has, by rule:
 *
 * - `n-plus-one`: statement, distinctBindings, parent, share
 * - `redundant-reads`: statement
 * - `redis-n-plus-one`: command, namespace, distinctKeys, parent
 * - `http-n-plus-one`: request, distinctUrls, parent
 * - `sequential-steps`: order, schedule, steps, nowMs, predictedMs, share
 * - `slow-statement`: statement, longestMs
 * - `pool-exhausted`: waits, failed, share
 * - `model-dominates`: model, share
 * - `identical-prompts`: model, prompts; when other requests asked them, how many with this one: requests
 * - `cache-not-paying`: cache, lookups, hitRate, netSavingMs
 * - `event-loop-blocked`: blocks, longestMs, step
 */
export interface Finding {
  readonly rule: RuleId;
  readonly severity: Severity;
  readonly title: string;
  readonly evidence: Readonly<Record<string, string | number | readonly string[]>>;
  /** `file:line`, relative to the application's folder; undefined where there is no one line, or not yet known. */
  readonly callSite: string | undefined;
  readonly route: string;
  readonly step: string | undefined;
  /** Who is answerable for its spans, by the names of `StepShare.step`. */
  readonly about: readonly string[];
  /** How many calls, waits or steps it is made of, and the time that they cover together. */
  readonly count: number;
  readonly timeMs: number;
  /** Milliseconds by which the request would be shorter; undefined where no rule can tell. */
  readonly savingMs: number | undefined;
  readonly traceId: string | undefined;
  /** What to mark in the waterfall, 50 at most. */
  readonly spanIds: readonly string[];
  /** The same for the same problem in each trace, and across restarts. */
  readonly fingerprint: string;
}

/** One problem, however many traces show it. */
export interface FindingGroup {
  readonly fingerprint: string;
  /** The occurrence that cost most. */
  readonly worst: Finding;
  readonly occurrences: number;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** Newest first, 10 at most. */
  readonly traceIds: readonly string[];
  /** Why it is muted; undefined when it is not. */
  readonly mutedReason: string | undefined;
}

export interface CacheReport {
  readonly cache: string;
  readonly lookups: number;
  readonly hits: number;
  readonly misses: number;
  /** Look-ups that waited for another's load of the same key. */
  readonly coalesced: number;
  readonly hitRate: number;
  /** Hits × (mean cost of a miss − mean cost of a hit); undefined until both have been seen. */
  readonly netSavingMs: number | undefined;
}

export interface StoreStatistics {
  readonly bytes: number;
  readonly budgetBytes: number;
  readonly traces: number;
  readonly pinned: number;
  readonly openTraces: number;
  readonly routes: number;
  /** Since the start of the process: what was seen and is gone, or was never kept. */
  readonly evictedTraces: number;
  /** Looked at and counted, but not kept: one of many alike in the same second. */
  readonly thinnedTraces: number;
  readonly droppedTraces: number;
  readonly droppedSpans: number;
  readonly truncatedAttributes: number;
  readonly overflowedRoutes: number;
}

/** What the layer itself takes, measured inside it on a sample of the requests. */
export interface SelfCost {
  /** `metrics-only` while the layer takes more than it may: durations and counters go on, traces do not. */
  readonly mode: 'full' | 'metrics-only';
  /** In words, why it is in this mode and until when. */
  readonly explanation: string;
  readonly sampledRequests: number;
  /** Microseconds of the processor for a request, and of that after the answer was sent. */
  readonly microsPerRequest: number;
  readonly microsAfterAnswer: number;
  /** What it may take: 2 % of the median of the routes that were asked for, and no less than the floor. */
  readonly limitMicros: number;
  readonly bytesPerRequest: number;
  readonly timesDegraded: number;
  /** Since the epoch; undefined in full mode. */
  readonly resumesAt: number | undefined;
}

export interface Overview {
  readonly process: {
    readonly service: string;
    readonly pid: number;
    readonly startedAt: number;
    readonly node: string;
  };
  /** Of the route that takes most time in all; undefined until something has been traced. */
  readonly verdict: Verdict | undefined;
  /** Those that take most time in all, 10 at most. */
  readonly routes: readonly RouteSummary[];
  /** Unmuted, the worst first, 10 at most. */
  readonly findings: readonly FindingGroup[];
  readonly caches: readonly CacheReport[];
  readonly store: StoreStatistics;
  readonly selfCost: SelfCost;
}

/** All that the page and the JSON API ask for. Each call answers from memory, and at once. */
export interface Profiler {
  overview(): Overview;
  /** The one that takes most time in all first. */
  routes(): readonly RouteSummary[];
  route(route: string): RouteDetail | undefined;
  traces(query?: TraceQuery): TracePage;
  /** Undefined when it never was, is still open, or has been evicted. */
  trace(traceId: string): TraceDetail | undefined;
  /** The worst first; muted ones last. */
  findings(): readonly FindingGroup[];
  /**
   * Takes a finding out of verdicts and overviews until this process ends, with the reason for whoever asks later.
   * Returns false when there is no such finding.
   */
  mute(fingerprint: string, reason: string): boolean;
  unmute(fingerprint: string): boolean;
  store(): StoreStatistics;
  selfCost(): SelfCost;
}
