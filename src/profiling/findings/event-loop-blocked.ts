import { covered, type Interval, type SpanNode } from '../analysis/span-tree.ts';
import type { Unit } from '../analysis/unit-of-work.ts';
import { callSiteOf, durationOf, type FoundIn, type Rule, rounded } from './rule.ts';

/** Milliseconds in which one request held up all others: the limit of Clinic.js's Doctor for the longest delay. */
export const BLOCKED_MS = 100;

const NONE: readonly FoundIn[] = [];

/** A block belongs to whoever worked at that time: not to a call that waited for an answer from elsewhere. */
export function eventLoopBlocked(blocks: () => readonly Interval[]): Rule {
  return (unit) => {
    const all = blocks();
    if (all.length === 0) return NONE;
    const worked = all.flatMap((block) => {
      const node = block.end > unit.root.start && block.start < unit.root.end && workingAt(unit, block);
      return node ? [{ block, node }] : [];
    });
    const [first] = worked;
    if (first === undefined) return [];
    const longest = Math.max(...worked.map(({ block }) => durationOf(block)));
    const where = first.node.step ?? first.node.name;
    return [
      {
        rule: 'event-loop-blocked',
        severity: 'critical',
        title: `The event loop was blocked for ${Math.round(longest)} ms while "${where}" worked: everybody else waited. A CPU profile of it tells which function it was: split its work, or move it to a thread`,
        evidence: { blocks: worked.length, longestMs: rounded(longest), step: where },
        callSite: stepSiteOf(first.node),
        step: first.node.step,
        count: worked.length,
        timeMs: covered(worked.map(({ block }) => block)),
        savingMs: undefined,
        nodes: worked.map(({ node }) => node),
        identity: where,
      },
    ];
  };
}

/** The line that runs the step. A block is noticed when it is over: what ran in it is on no stack any more. */
function stepSiteOf(node: SpanNode): string | undefined {
  for (let above: SpanNode | undefined = node; above?.step !== undefined; above = above.parent) {
    const callSite = callSiteOf([above]);
    if (callSite !== undefined) return callSite;
  }
  return undefined;
}

/** The innermost span that covers most of the block, where that is work of this process. */
function workingAt(unit: Unit, block: Interval): SpanNode | undefined {
  const inside = unit.nodes.filter((node) => overlap(node, block) >= durationOf(block) / 2);
  const innermost = inside.at(-1);
  return innermost?.span.kind === 'client' || innermost?.wait !== undefined ? undefined : innermost;
}

function overlap(a: Interval, b: Interval): number {
  return Math.min(a.end, b.end) - Math.max(a.start, b.start);
}
