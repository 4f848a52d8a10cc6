import type { SpanAttributes, SpanEvent, SpanKindName } from '../../src/profiling/model.ts';
import type { StoredSpan } from '../../src/profiling/store/stored-span.ts';

export interface SpanSketch {
  readonly id: string;
  readonly parent?: string;
  readonly name?: string;
  readonly kind?: SpanKindName;
  /** Milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly failed?: boolean;
  readonly attributes?: SpanAttributes;
  readonly events?: readonly SpanEvent[];
  readonly fingerprint?: string;
  readonly values?: string;
  readonly callSite?: string;
}

/** A span as the store has it. */
export function span(sketch: SpanSketch): StoredSpan {
  const {
    id,
    parent,
    name = id,
    kind = 'internal',
    from,
    to,
    failed = false,
    fingerprint,
    callSite,
  } = sketch;
  return {
    id,
    parentId: parent,
    name,
    kind,
    start: from,
    end: to,
    failed,
    attributes: sketch.attributes ?? {},
    events: sketch.events ?? [],
    notes: fingerprint === undefined ? undefined : { fingerprint, values: sketch.values ?? '', callSite },
    unfinished: false,
    bytes: 100,
    truncated: 0,
  };
}

/** A request of this length, in milliseconds. */
export function request(to: number, from = 0): StoredSpan {
  const attributes = { 'http.request.method': 'GET', 'http.route': '/things' };
  return span({ id: 'root', kind: 'server', from, to, attributes });
}

/** A statement of the root, or of another span. */
export function statement(
  sketch: Omit<SpanSketch, 'fingerprint'> & { readonly sql: string; readonly values?: string },
): StoredSpan {
  const { sql, ...rest } = sketch;
  return span({
    parent: 'root',
    kind: 'client',
    name: 'pg.query',
    ...rest,
    fingerprint: sql,
    attributes: { 'db.system.name': 'postgresql', 'db.query.text': sql },
  });
}

/** A declared step of the root. */
export function step(name: string, after: readonly string[], from: number, to: number): StoredSpan {
  return span({
    id: name,
    parent: 'root',
    from,
    to,
    fingerprint: name,
    attributes: { 'profiler.step': name, 'profiler.step.after': after },
  });
}
