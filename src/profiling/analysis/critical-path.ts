import { QUERY_TEXT } from '../attributes.ts';
import { effectOf } from '../capture/sql-fingerprint.ts';
import type { SpanNode } from './span-tree.ts';

/** A stretch of the critical path: the node worked, or waited, itself. */
export interface Segment {
  readonly node: SpanNode;
  readonly start: number;
  readonly end: number;
}

/**
 * What a request's time depended on: from its end backwards, always the child that finished last before the moment
 * looked at, and so on inside of it; where there is none, the node itself. The segments follow each other without gap
 * or overlap from the node's start to its end, so that they sum to its duration.
 *
 * The algorithm is that of Uber's CRISP (USENIX ATC '22) and Jaeger's, with two differences: siblings that touch
 * exactly (`end <= cursor`) are both on it, and a child that is declared not to block never is.
 */
export function criticalPath(root: SpanNode): readonly Segment[] {
  const segments: Segment[] = [];

  const add = (node: SpanNode, start: number, end: number): void => {
    if (end > start) segments.push({ node, start, end });
  };

  const follow = (node: SpanNode, until: number): void => {
    let cursor = until;
    const children = inOrderOfEnd(node.children);
    for (let place = children.length - 1; place >= 0; place--) {
      const child = children[place] as SpanNode;
      if (!child.blocking || child.end <= child.start || child.end > cursor) continue;
      add(node, child.end, cursor);
      follow(child, child.end);
      cursor = child.start;
    }
    add(node, node.start, cursor);
  };

  follow(root, root.end);
  return segments.reverse();
}

/** They come by their start, and one after the other, as most siblings are, by their end as well. */
function inOrderOfEnd(children: readonly SpanNode[]): readonly SpanNode[] {
  for (let place = 1; place < children.length; place++) {
    if ((children[place - 1] as SpanNode).end >= (children[place] as SpanNode).end) {
      return children.toSorted(lastLast);
    }
  }
  return children;
}

/** Of two that end together, the one that took longer was waited for. */
function lastLast(a: SpanNode, b: SpanNode): number {
  return a.end - b.end || b.start - a.start || (a.id < b.id ? 1 : -1);
}

/** What a request or a job does itself, outside of every step and call: its name would tell nobody what that is. */
export const OWN_WORK = '(own work)';

/**
 * Who is answerable for what a node does: its step. Outside of every step the span itself, or what it waits for; a call
 * to another system is put down to the work around it, and where there is none a statement is named after its table.
 */
export function ownerOf(node: SpanNode): string {
  if (node.step !== undefined) return node.step;
  const { parent, span } = node;
  if (span.kind === 'server' || (parent === undefined && span.kind !== 'client')) return OWN_WORK;
  if (span.kind !== 'client' || node.wait !== undefined) return node.name;
  if (parent?.span.kind === 'internal') return parent.name;
  const statement = span.attributes[QUERY_TEXT];
  return typeof statement === 'string' ? effectOf(statement).summary : node.name;
}

/** The declared steps on the path, in order, each once: how long it is, whatever the clock says. */
export function stepsOnPath(path: readonly Segment[]): readonly string[] {
  return [...new Set(path.flatMap(({ node }) => node.step ?? []))];
}
