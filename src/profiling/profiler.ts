import type { Interval } from './analysis/span-tree.ts';
import { type Unit, unitsOf } from './analysis/unit-of-work.ts';
import { createSelfCost } from './cost/self-cost.ts';
import { createCacheEconomics } from './findings/cache-economics.ts';
import { createFindingLog, type FindingCount } from './findings/finding-log.ts';
import { rememberPrompts } from './findings/repeated-prompts.ts';
import { THRESHOLDS, type Thresholds } from './findings/rule.ts';
import { createRules } from './findings/rules.ts';
import type {
  FindingGroup,
  Profiler,
  RouteSummary,
  StoreStatistics,
  TraceQuery,
  TraceSummary,
} from './model.ts';
import { type CollectedTrace, createCollector } from './store/collector.ts';
import { createRouteStatistics, type RouteFigures, type StepTime } from './store/route-statistics.ts';
import type { StoredSpan } from './store/stored-span.ts';
import { createThinning } from './store/thinning.ts';
import { createTraceStore, type StoredTrace } from './store/trace-store.ts';
import { detailOf, summaryOf } from './trace-view.ts';
import { now } from './tracing/clock.ts';
import { verdictOf } from './verdict.ts';

export interface ProfilerOptions {
  readonly service: string;
  /** Bytes for traces, finished or not, and what is kept of routes and findings. */
  readonly budgetBytes: number;
  /** Times at which the event loop was blocked. */
  readonly blocks: () => readonly Interval[];
  readonly thresholds?: Thresholds;
  /** Told the id of each trace of which nothing runs in this process any more. */
  readonly onTraceEnd?: (traceId: string) => void;
  /** Told when it has looked at a number of spans, which are in the processor's caches then. */
  readonly onLook?: () => void;
}

export interface RunningProfiler extends Profiler {
  readonly collector: ReturnType<typeof createCollector>;
  /** Whether spans are recorded; false while the layer costs too much. */
  readonly takesTraces: () => boolean;
  readonly stepTimes: () => readonly StepTime[];
  readonly findingCounts: () => readonly FindingCount[];
  /** To be called several times a second. */
  readonly sweep: () => void;
}

const SPANS_PER_TRACE = 2_000;
const ROUTES = 500;
/** Part of the budget that is set aside for traces which are not finished. */
const OPEN_SHARE = 0.125;
/** Bytes of a trace without its spans, and of a finding in it. */
const TRACE_BYTES = 600;
const FINDING_BYTES = 1_500;

const LISTED = 10;
const TRACES_LISTED = 50;
const MOST_TRACES_LISTED = 500;

/** Looks at every trace of this process once, keeps what is worth it, and tells what it knows. */
export function createProfiler(options: ProfilerOptions): RunningProfiler {
  const { service, budgetBytes, blocks, thresholds = THRESHOLDS, onTraceEnd, onLook } = options;
  const prompts = rememberPrompts();
  const findIn = createRules(blocks, thresholds, prompts);
  const routes = createRouteStatistics({ limit: ROUTES });
  const caches = createCacheEconomics();
  const findings = createFindingLog(() => performance.timeOrigin + now());
  const selfCost = createSelfCost({ medianOf: (route) => routes.figures(route)?.durationMs.p50, now });
  const collector = createCollector({
    spansPerTrace: SPANS_PER_TRACE,
    budgetBytes: budgetBytes * OPEN_SHARE,
    onTrace: take,
    onLook,
    now,
  });
  const knownBytes = () => routes.bytes() + findings.size() * FINDING_BYTES + prompts.bytes();
  const traces = createTraceStore({ room: () => budgetBytes * (1 - OPEN_SHARE) - knownBytes() });
  const thinning = createThinning();
  let droppedSpans = 0;
  let truncated = 0;

  /** More of a trace that is there already is put to it, and the whole is looked at again. */
  function take(collected: CollectedTrace): void {
    onTraceEnd?.(collected.traceId);
    const startedAt = now();
    const known = collected.isNew ? undefined : traces.find(collected.traceId);
    const merged = known === undefined ? collected.spans : merge(known.spans, collected.spans);
    const spans = merged.length > SPANS_PER_TRACE ? merged.slice(0, SPANS_PER_TRACE) : merged;
    const units = unitsOf(spans);
    for (const unit of units) {
      if (isCountable(unit) && !known?.units.includes(unit.root.id)) routes.record(unit);
    }
    for (const span of collected.spans) {
      truncated += span.truncated;
      // One that still runs comes again, with what it has then.
      if (span.events.length > 0 && !span.unfinished) caches.add(span);
    }
    const [first] = units;
    if (first === undefined) return;
    const found = units.flatMap((unit) => findIn(unit, collected.traceId));
    const foundBefore = known?.findings.map(({ fingerprint }) => fingerprint);
    for (const finding of found) findings.record(finding, foundBefore?.includes(finding.fingerprint));
    const dropped = collected.droppedSpans + merged.length - spans.length;
    droppedSpans += dropped;
    const durationMs = first.root.end - first.root.start;
    const failed = units.some((unit) => unit.failed);
    const isRemarkable =
      failed || found.length > 0 || known !== undefined || traces.isSlow(first.route, durationMs);
    if (!isRemarkable && !thinning.keeps(first.route, startedAt)) {
      traces.makeRoom();
      selfCost.traceTaken(first.route, (now() - startedAt) * 1_000, 0);
      return;
    }
    const trace: StoredTrace = {
      traceId: collected.traceId,
      spans,
      droppedSpans: (known?.droppedSpans ?? 0) + dropped,
      route: first.route,
      rootId: first.root.id,
      start: Math.min(...units.map(({ root }) => root.start)),
      durationMs,
      failed,
      units: units.filter(isCountable).map(({ root }) => root.id),
      findings: found,
      bytes: TRACE_BYTES + FINDING_BYTES * found.length + spans.reduce((sum, { bytes }) => sum + bytes, 0),
    };
    traces.put(trace);
    selfCost.traceTaken(trace.route, (now() - startedAt) * 1_000, trace.bytes);
  }

  const noteCaches = (): void => {
    for (const finding of caches.findings()) findings.record(finding);
  };

  const allFindings = (): readonly FindingGroup[] => {
    noteCaches();
    return findings.all();
  };

  const summaryOfRoute = (figures: RouteFigures, found: readonly FindingGroup[]): RouteSummary => ({
    ...figures,
    verdict: verdictOf(figures.route, figures.durationMs.p50, routes.steps(figures.route), found),
  });

  const allRoutes = (): readonly RouteSummary[] => {
    const found = allFindings();
    return routes
      .names()
      .flatMap((name) => routes.figures(name) ?? [])
      .sort((a, b) => b.totalMs - a.totalMs)
      .map((figures) => summaryOfRoute(figures, found));
  };

  const summary = (trace: StoredTrace): TraceSummary => summaryOf(trace, traces.pinnedFor(trace));

  const store = (): StoreStatistics => ({
    ...traces.statistics(),
    bytes: traces.bytes() + collector.bytes() + knownBytes(),
    budgetBytes,
    openTraces: collector.openTraces(),
    routes: routes.names().length,
    droppedSpans,
    truncatedAttributes: truncated,
    overflowedRoutes: routes.overflowed(),
    thinnedTraces: thinning.thinned(),
  });

  return {
    collector,
    takesTraces: selfCost.takesTraces,
    stepTimes: routes.stepTimes,
    findingCounts() {
      noteCaches();
      return findings.counts();
    },
    sweep() {
      collector.sweep();
      selfCost.check();
    },

    overview() {
      const known = allRoutes();
      return {
        process: { service, pid: process.pid, startedAt: performance.timeOrigin, node: process.version },
        verdict: (known.find(({ kind }) => kind === 'server') ?? known[0])?.verdict,
        routes: known.slice(0, LISTED),
        findings: allFindings()
          .filter(({ mutedReason }) => mutedReason === undefined)
          .slice(0, LISTED),
        caches: caches.reports(),
        store: store(),
        selfCost: selfCost.report(),
      };
    },
    routes: allRoutes,
    route(route) {
      const figures = routes.figures(route);
      if (figures === undefined) return undefined;
      const found = allFindings().filter(({ worst }) => worst.route === route);
      return {
        ...summaryOfRoute(figures, found),
        steps: routes.steps(route),
        findings: found,
        slowest: traces.slowest(route).map(summary),
      };
    },
    traces(query = {}) {
      const matching = traces.all().filter((trace) => matches(trace, query));
      matching.sort((a, b) => (query.order === 'slowest' ? b.durationMs - a.durationMs : b.start - a.start));
      const limit = Math.min(MOST_TRACES_LISTED, query.limit ?? TRACES_LISTED);
      return { traces: matching.slice(0, limit).map(summary), matching: matching.length };
    },
    trace(traceId) {
      const trace = traces.find(traceId);
      if (trace === undefined) return undefined;
      const detail = detailOf(trace, traces.pinnedFor(trace));
      return { ...detail, findingDetails: detail.findingDetails.map(findings.completed) };
    },
    findings: allFindings,
    mute: findings.mute,
    unmute: findings.unmute,
    store,
    selfCost: selfCost.report,
  };
}

/**
 * A call that nobody made a request or a job for is no work of its own; nor is what a request has left running, when
 * the request itself is no longer kept: it has been counted.
 */
function isCountable({ kind, root: { span } }: Unit): boolean {
  if (span.unfinished || span.kind === 'client') return false;
  return kind !== 'internal' || span.parentId === undefined;
}

/** A span that had not ended when it came first is there once, as it ended. */
function merge(known: readonly StoredSpan[], more: readonly StoredSpan[]): readonly StoredSpan[] {
  const newIds = new Set(more.map(({ id }) => id));
  return [...known.filter(({ id }) => !newIds.has(id)), ...more];
}

function matches(trace: StoredTrace, query: TraceQuery): boolean {
  const { route, status, minDurationMs = 0, rule, finding } = query;
  if (route !== undefined && trace.route !== route) return false;
  if (status !== undefined && trace.failed !== (status === 'error')) return false;
  if (trace.durationMs < minDurationMs) return false;
  if (rule !== undefined && !trace.findings.some((found) => found.rule === rule)) return false;
  if (finding !== undefined && !trace.findings.some(({ fingerprint }) => fingerprint === finding))
    return false;
  return query.text === undefined || holds(trace, query.text.toLowerCase());
}

function holds(trace: StoredTrace, text: string): boolean {
  const has = (value: string) => value.toLowerCase().includes(text);
  return has(trace.traceId) || has(trace.route) || trace.spans.some(({ name }) => has(name));
}
