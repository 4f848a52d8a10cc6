import { QUERY_TEXT } from '../attributes.ts';
import type { StoredSpan } from '../store/stored-span.ts';
import { criticalPath, type Segment } from './critical-path.ts';
import { buildTrees, type SpanNode, walk } from './span-tree.ts';

/** A tree of spans that somebody waited for as a whole: a request, or a job that went on after its answer. */
export interface Unit {
  /** The key of its route: method and template of a request, else the name of its root. */
  readonly route: string;
  readonly kind: 'server' | 'consumer' | 'internal';
  readonly root: SpanNode;
  /** Parents before their children, the waits in queues among them. */
  readonly nodes: readonly SpanNode[];
  readonly path: readonly Segment[];
  readonly statements: number;
  /** Whether anything in it calls another system, asks a model or waits in a line. */
  readonly hasCalls: boolean;
  readonly failed: boolean;
}

/** The request first, then what else began in this process, by time. */
export function unitsOf(spans: readonly StoredSpan[]): readonly Unit[] {
  const units = buildTrees(spans).map(unitOf);
  if (units.length === 1) return units;
  return units.toSorted((a, b) => Number(b.kind === 'server') - Number(a.kind === 'server'));
}

function unitOf(root: SpanNode): Unit {
  const nodes = walk(root);
  const { kind, failed } = root.span;
  return {
    route: routeOf(root.span),
    kind: kind === 'server' || kind === 'consumer' ? kind : 'internal',
    root,
    nodes,
    path: criticalPath(root),
    statements: nodes.reduce((count, { span }) => count + Number(isSql(span)), 0),
    hasCalls: nodes.some(isCall),
    failed,
  };
}

function routeOf({ kind, name, attributes }: StoredSpan): string {
  if (kind !== 'server') return name;
  const { 'http.request.method': method = name, 'http.route': route = '(no route)' } = attributes;
  return isOf(name, String(method), String(route)) ? name : `${method} ${route}`;
}

/** Most are called by their route: a text that is put together anew takes a `Map` a microsecond to look for. */
function isOf(name: string, method: string, route: string): boolean {
  const { length } = method;
  return (
    name.length === length + 1 + route.length &&
    name[length] === ' ' &&
    name.startsWith(method) &&
    name.endsWith(route)
  );
}

function isCall({ span, wait }: SpanNode): boolean {
  return span.kind === 'client' || wait !== undefined || asksModel(span);
}

/** By the semantic conventions for generative AI. */
export function asksModel({ attributes }: StoredSpan): boolean {
  return attributes['gen_ai.request.model'] !== undefined;
}

/** The statements of a transaction (`BEGIN`, `COMMIT`) count as well: each is a round trip. */
export function isSql({ attributes }: StoredSpan): boolean {
  return attributes[QUERY_TEXT] !== undefined;
}
