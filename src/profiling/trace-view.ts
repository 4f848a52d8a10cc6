import { isSpan, type SpanNode, selfTime } from './analysis/span-tree.ts';
import { type Unit, unitsOf } from './analysis/unit-of-work.ts';
import { durationOf, rounded } from './findings/rule.ts';
import type { Gap, TraceDetail, TraceSummary, UnitOfWork, WaitBand, WaterfallRow } from './model.ts';
import type { StoredTrace } from './store/trace-store.ts';

/** PROFILERS: part of its unit from which on a gap is worth showing. */
const LEAST_GAP_SHARE = 0.05;

export function summaryOf(trace: StoredTrace, pinned: TraceSummary['pinned']): TraceSummary {
  const { traceId, route, spans, droppedSpans } = trace;
  const ids = new Set(spans.map(({ id }) => id));
  const root = spans.find(({ id }) => id === trace.rootId);
  const httpStatus = root?.attributes['http.response.status_code'];
  return {
    traceId,
    route,
    startedAt: performance.timeOrigin + trace.start,
    durationMs: rounded(trace.durationMs),
    totalMs: rounded(Math.max(...spans.map(({ end }) => end)) - trace.start),
    status: trace.failed ? 'error' : 'ok',
    httpStatus: typeof httpStatus === 'number' ? httpStatus : undefined,
    spans: spans.length,
    statements: spans.filter(({ attributes }) => attributes['db.query.text'] !== undefined).length,
    findings: [...new Set(trace.findings.map(({ fingerprint }) => fingerprint))],
    pinned,
    continuesElsewhere: root?.parentId !== undefined && !ids.has(root.parentId),
    unfinished: spans.some(({ unfinished }) => unfinished),
    droppedSpans,
  };
}

/** The waterfall is worked out when somebody looks at it: nobody looks at most of them. */
export function detailOf(trace: StoredTrace, pinned: TraceSummary['pinned']): TraceDetail {
  const units = unitsOf(trace.spans);
  return {
    ...summaryOf(trace, pinned),
    rows: units.flatMap((unit) => rowsOf(unit, trace.start)),
    waits: units.flatMap((unit) => bandsOf(unit, trace.start)),
    gaps: units.flatMap((unit) => gapsOf(unit, trace.start)),
    units: units.map((unit) => unitView(unit, trace.start)),
    findingDetails: trace.findings,
  };
}

function rowsOf(unit: Unit, origin: number): readonly WaterfallRow[] {
  const critical = new Map<SpanNode, number>();
  for (const segment of unit.path) {
    critical.set(segment.node, (critical.get(segment.node) ?? 0) + durationOf(segment));
  }
  return unit.nodes.filter(isSpan).map((node) => {
    const { span, step, wait } = node;
    return {
      id: span.id,
      parentId: span.parentId,
      name: span.name,
      kind: span.kind,
      step,
      startMs: rounded(span.start - origin),
      durationMs: rounded(durationOf(span)),
      status: span.failed ? 'error' : 'ok',
      attributes: span.attributes,
      events: span.events.map((event) => ({ ...event, atMs: rounded(event.atMs - origin) })),
      callSite: span.notes?.callSite,
      depth: depthOf(node),
      selfMs: rounded(selfTime(node)),
      wait,
      criticalMs: rounded(critical.get(node) ?? 0),
    };
  });
}

function depthOf(node: SpanNode): number {
  let depth = 0;
  for (let parent = node.parent; parent !== undefined; parent = parent.parent) depth += 1;
  return depth;
}

function bandsOf(unit: Unit, origin: number): readonly WaitBand[] {
  return unit.nodes.flatMap((node) =>
    node.wait === undefined
      ? []
      : [
          {
            wait: node.wait,
            spanId: node.id,
            startMs: rounded(node.start - origin),
            durationMs: rounded(durationOf(node)),
          },
        ],
  );
}

function gapsOf(unit: Unit, origin: number): readonly Gap[] {
  const least = durationOf(unit.root) * LEAST_GAP_SHARE;
  return unit.nodes.flatMap((node) => {
    const gaps: Gap[] = [];
    let until = node.start;
    const boundaries = [...node.children, { start: node.end, end: node.end }];
    // A span without children is work of its own, and no gap.
    if (node.children.length === 0) return [];
    for (const { start, end } of boundaries) {
      if (start - until >= least && start > until) {
        gaps.push({ spanId: node.id, startMs: rounded(until - origin), durationMs: rounded(start - until) });
      }
      until = Math.max(until, end);
    }
    return gaps;
  });
}

function unitView(unit: Unit, origin: number): UnitOfWork {
  return {
    route: unit.route,
    spanId: unit.root.id,
    startMs: rounded(unit.root.start - origin),
    durationMs: rounded(durationOf(unit.root)),
    criticalPath: unit.path.map((segment) => ({
      spanId: segment.node.id,
      name: segment.node.name,
      step: segment.node.step,
      startMs: rounded(segment.start - origin),
      durationMs: rounded(durationOf(segment)),
    })),
  };
}
