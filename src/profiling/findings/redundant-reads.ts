import { covered, type SpanNode } from '../analysis/span-tree.ts';
import { isSql } from '../analysis/unit-of-work.ts';
import { effectOf } from '../capture/sql-fingerprint.ts';
import { callSiteOf, type Rule } from './rule.ts';

/** PROFILERS (perf-sentinel): twice may be an accident, five times is not. */
const WARNING_READS = 5;

/**
 * The same statement with the same bindings, and nothing written to its tables in between: the answer was known. A
 * write whose tables cannot be told counts as one to all of them.
 */
export const redundantReads: Rule = (unit) => {
  if (unit.statements < 2) return [];
  const statements = unit.nodes
    .filter(({ span }) => isSql(span) && span.notes !== undefined)
    .toSorted((a, b) => a.start - b.start);
  return repeatedReads(statements).map(({ statement, nodes }) => ({
    rule: 'redundant-reads',
    severity: nodes.length >= WARNING_READS ? 'warning' : 'info',
    title: `Read ${nodes.length} times with the same values and nothing written in between: keep the first answer`,
    evidence: { statement },
    callSite: callSiteOf(nodes),
    step: nodes[0]?.step,
    count: nodes.length,
    timeMs: covered(nodes),
    savingMs: covered(nodes.slice(1)),
    nodes,
    identity: statement,
  }));
};

interface Run {
  readonly statement: string;
  readonly tables: readonly string[];
  readonly nodes: SpanNode[];
}

function repeatedReads(statements: readonly SpanNode[]): readonly Run[] {
  const runs: Run[] = [];
  /** Those that no write has ended yet, by statement and bindings. */
  const current = new Map<string, Run>();
  for (const node of statements) {
    const { fingerprint: statement = '', values } = node.span.notes ?? {};
    const { reads, tables } = effectOf(statement);
    if (reads) {
      const key = `${values} ${statement}`;
      const run = current.get(key) ?? { statement, tables: tables ?? [], nodes: [] };
      run.nodes.push(node);
      if (run.nodes.length === 1) runs.push(run);
      current.set(key, run);
      continue;
    }
    for (const [key, run] of current) {
      if (tables === undefined || run.tables.some((table) => tables.includes(table))) current.delete(key);
    }
  }
  return runs.filter(({ nodes }) => nodes.length >= 2);
}
