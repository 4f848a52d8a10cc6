import { covered, type Interval } from '../analysis/span-tree.ts';
import { isSql } from '../analysis/unit-of-work.ts';
import { callSiteOf, durationOf, groupBy, type Rule, rounded } from './rule.ts';

/** Milliseconds: what Sentry, perf-sentinel and the Django toolbar call slow; three in one request are critical. */
const SLOW_MS = 500;
const CRITICAL_COUNT = 3;

/** While the event loop was blocked nobody could take the answer: that time is not the statement's. */
export const slowStatements =
  (blocks: () => readonly Interval[]): Rule =>
  (unit) => {
    if (durationOf(unit.root) < SLOW_MS) return [];
    const blocked = (node: Interval) => covered(blocks().map((block) => shared(block, node)));
    const slow = unit.nodes.filter(
      (node) =>
        isSql(node.span) && durationOf(node) >= SLOW_MS && durationOf(node) - blocked(node) >= SLOW_MS,
    );
    const groups = groupBy(slow, ({ span }) => String(span.attributes['db.query.text']));
    return [...groups].map(([statement, nodes]) => {
      const longest = Math.max(...nodes.map(durationOf));
      return {
        rule: 'slow-statement',
        severity: nodes.length >= CRITICAL_COUNT ? 'critical' : 'warning',
        title: `A statement takes ${Math.round(longest)} ms: look at its plan and its indexes`,
        evidence: { statement, longestMs: rounded(longest) },
        callSite: callSiteOf(nodes),
        step: nodes[0]?.step,
        count: nodes.length,
        timeMs: nodes.reduce((total, node) => total + durationOf(node), 0),
        savingMs: undefined,
        nodes,
        identity: statement,
      };
    });
  };

/** What two intervals have in common; one without length where that is nothing. */
function shared(a: Interval, b: Interval): Interval {
  const start = Math.max(a.start, b.start);
  return { start, end: Math.max(start, Math.min(a.end, b.end)) };
}
