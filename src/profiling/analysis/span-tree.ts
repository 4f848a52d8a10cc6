import { BLOCKING, POOL_CONNECT, STEP, STEP_AFTER, WAIT } from '../attributes.ts';
import type { WaitKind } from '../model.ts';
import type { StoredSpan } from '../store/stored-span.ts';

/** A span where it stands among the others of its trace. */
export interface SpanNode {
  readonly id: string;
  readonly name: string;
  readonly span: StoredSpan;
  /** Inside of its parent's: what a child does after its parent has ended is no time of the parent. */
  readonly start: number;
  readonly end: number;
  readonly parent: SpanNode | undefined;
  /** By their start. */
  readonly children: readonly SpanNode[];
  /** The declared step that it is, or runs in. */
  readonly step: string | undefined;
  readonly wait: WaitKind | undefined;
  /** Whether its parent may have waited for it. */
  readonly blocking: boolean;
}

interface BuiltNode extends SpanNode {
  children: SpanNode[];
}

/**
 * The trees of a trace: a root for each piece of work that nobody in this process waited for. Every span is in exactly
 * one of them, also when parents are missing or go round in a circle.
 */
export function buildTrees(spans: readonly StoredSpan[]): readonly SpanNode[] {
  const [only] = spans;
  if (only !== undefined && spans.length === 1) return [nodeOf(only, undefined)];
  const family = spans.length <= FEW ? familyOfFew(spans) : familyOfMany(spans);
  const trees: SpanNode[] = [];
  const placed = placeBelow(trees, undefined, undefined, family);
  if (placed < family.spans.length) placeCircles(trees, family);
  return trees;
}

/** @returns how many spans were placed among the nodes, and below them. */
function placeBelow(
  nodes: SpanNode[],
  parent: SpanNode | undefined,
  span: StoredSpan | undefined,
  family: Family,
): number {
  let placed = 0;
  for (const child of family.childrenOf(span)) {
    const wait = parent && queueWait(child, family, parent);
    if (wait !== undefined) nodes.push(wait);
    const node = nodeOf(child, parent);
    nodes.push(node);
    placed += 1 + placeBelow(node.children, node, child, family);
  }
  return placed;
}

/** What goes round in a circle hangs on no root: the first of it that there is becomes one. */
function placeCircles(trees: SpanNode[], family: Family): void {
  const placed = new Set(trees.flatMap(walk).map(({ span }) => span));
  const place = (span: StoredSpan, parent: SpanNode | undefined): BuiltNode => {
    placed.add(span);
    const node = nodeOf(span, parent);
    for (const child of family.childrenOf(span)) {
      if (!placed.has(child)) node.children.push(place(child, node));
    }
    return node;
  };
  for (const span of family.spans) if (!placed.has(span)) trees.push(place(span, undefined));
}

/** The spans of a trace, each once, and who waits for whom. */
interface Family {
  readonly spans: readonly StoredSpan[];
  find(id: string): StoredSpan | undefined;
  /** In order; of undefined, those that nobody waits for. */
  childrenOf(parent: StoredSpan | undefined): readonly StoredSpan[];
}

/** Up to so many are found faster by looking at each than in a `Map`, which takes a microsecond to grow. */
const FEW = 16;
const NONE: readonly StoredSpan[] = [];

function familyOfFew(given: readonly StoredSpan[]): Family {
  const find = (id: string): StoredSpan | undefined => {
    for (let place = given.length - 1; place >= 0; place--) if (given[place]?.id === id) return given[place];
    return undefined;
  };
  const spans = given.filter((span) => find(span.id) === span);
  const parents = spans.map((span) => parentOf(span, find));
  const childrenOf = (parent: StoredSpan | undefined): readonly StoredSpan[] => {
    let children: StoredSpan[] | undefined;
    for (let place = 0; place < spans.length; place++) {
      if (parents[place] !== parent) continue;
      children ??= [];
      children.push(spans[place] as StoredSpan);
    }
    return children === undefined ? NONE : inOrder(children);
  };
  return { spans, find, childrenOf };
}

function familyOfMany(given: readonly StoredSpan[]): Family {
  const byId = new Map(given.map((span) => [span.id, span]));
  const find = (id: string) => byId.get(id);
  const children = new Map<StoredSpan | undefined, StoredSpan[]>();
  for (const span of byId.values()) {
    const parent = parentOf(span, find);
    const siblings = children.get(parent);
    if (siblings) siblings.push(span);
    else children.set(parent, [span]);
  }
  for (const siblings of children.values()) inOrder(siblings);
  return { spans: [...byId.values()], find, childrenOf: (parent) => children.get(parent) ?? NONE };
}

/** They come by their end; one after the other, as most siblings are, they are in order already. */
function inOrder(spans: StoredSpan[]): StoredSpan[] {
  for (let place = 1; place < spans.length; place++) {
    if (byStart(spans[place - 1] as StoredSpan, spans[place] as StoredSpan) > 0) return spans.sort(byStart);
  }
  return spans;
}

function byStart(a: StoredSpan, b: StoredSpan): number {
  return a.start - b.start || b.end - a.end || (a.id < b.id ? -1 : 1);
}

/**
 * Who waits for the span. A request is a whole of its own, also when this process itself sent it. A consumer starts when its producer has long ended: it belongs to the nearest span above
 * that was there until it had finished, and to nobody when the request did not wait for it.
 */
function parentOf(span: StoredSpan, find: Family['find']): StoredSpan | undefined {
  if (span.kind === 'server') return undefined;
  const parent = span.parentId === undefined ? undefined : find(span.parentId);
  if (span.kind !== 'consumer') return parent;
  const seen = new Set([span.id]);
  let above = parent;
  while (above !== undefined && above.end < span.end && !seen.has(above.id)) {
    seen.add(above.id);
    above = above.parentId === undefined ? undefined : find(above.parentId);
  }
  return above !== undefined && seen.has(above.id) ? undefined : above;
}

function nodeOf(span: StoredSpan, parent: SpanNode | undefined): BuiltNode {
  const { attributes } = span;
  const start = parent === undefined ? span.start : within(span.start, parent);
  return {
    id: span.id,
    name: span.name,
    span,
    start,
    end: parent === undefined ? Math.max(span.start, span.end) : Math.max(start, within(span.end, parent)),
    parent,
    children: [],
    step: typeof attributes[STEP] === 'string' ? attributes[STEP] : parent?.step,
    wait: waitOf(span),
    blocking: attributes[BLOCKING] !== false,
  };
}

function within(time: number, { start, end }: SpanNode): number {
  return Math.min(Math.max(time, start), end);
}

function waitOf(span: StoredSpan): WaitKind | undefined {
  const declared = span.attributes[WAIT];
  if (declared === 'pool' || declared === 'queue' || declared === 'limiter') return declared;
  return span.name === POOL_CONNECT ? 'pool' : undefined;
}

/** From what was put into the queue until it was taken out: nobody opens a span for that. */
function queueWait(consumer: StoredSpan, { find }: Family, parent: SpanNode): SpanNode | undefined {
  if (consumer.kind !== 'consumer') return undefined;
  const producer = consumer.parentId === undefined ? undefined : find(consumer.parentId);
  if (producer?.kind !== 'producer') return undefined;
  const start = within(producer.end, parent);
  const end = within(consumer.start, parent);
  if (end <= start) return undefined;
  const { step } = parent;
  return {
    id: consumer.id,
    name: QUEUE_WAIT,
    span: consumer,
    start,
    end,
    parent,
    children: [],
    step,
    wait: 'queue',
    blocking: true,
  };
}

export const QUEUE_WAIT = 'wait in the queue';

/** Whether the node is a span of its own, and not the wait that was made up beside one. */
export function isSpan(node: SpanNode): boolean {
  return node.name !== QUEUE_WAIT || node.span.name === QUEUE_WAIT;
}

/** The node and all below it, parents before their children. */
export function walk(root: SpanNode): readonly SpanNode[] {
  const nodes: SpanNode[] = [];
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    nodes.push(node);
    for (let place = node.children.length - 1; place >= 0; place--)
      waiting.push(node.children[place] as SpanNode);
  }
  return nodes;
}

/** What a step says it has to come after; undefined for a span that is no declared step. */
export function declaredAfter({ span }: SpanNode): readonly string[] | undefined {
  const after = span.attributes[STEP_AFTER];
  return typeof span.attributes[STEP] === 'string' && Array.isArray(after) ? after : undefined;
}

export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Milliseconds that the intervals cover together, what overlaps once. */
export function covered(intervals: readonly Interval[]): number {
  if (intervals.length === 0) return 0;
  let total = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const { start, end } of intervals.toSorted((a, b) => a.start - b.start)) {
    if (end <= until) continue;
    total += end - Math.max(start, until);
    until = end;
  }
  return total;
}

/** The stretches of the node in which no child ran. */
export function uncovered({ start, end, children }: SpanNode): readonly Interval[] {
  const stretches: Interval[] = [];
  let from = start;
  for (const child of children) {
    if (child.start > from) stretches.push({ start: from, end: child.start });
    from = Math.max(from, child.end);
  }
  return end > from ? [...stretches, { start: from, end }] : stretches;
}

/** Milliseconds of the node in which no child ran. */
export function selfTime(node: SpanNode): number {
  return node.end - node.start - covered(node.children);
}
