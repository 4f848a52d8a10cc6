import { declaredAfter, type SpanNode } from '../analysis/span-tree.ts';
import type { Unit } from '../analysis/unit-of-work.ts';
import { callSiteOf, durationOf, type FoundIn, groupBy, type Rule, rounded } from './rule.ts';

/** Milliseconds of each step: less is not worth the trouble. */
const LEAST_STEP_MS = 30;
/** What running them together has to save, in milliseconds and of the request (Sentry's consecutive calls). */
const LEAST_SAVING_MS = 100;
const LEAST_SAVING_SHARE = 0.1;
/** Milliseconds by which two may overlap and still be one after the other. */
const OVERLAP_MS = 1;

interface DeclaredStep {
  readonly name: string;
  readonly node: SpanNode;
  readonly after: readonly string[];
}

/**
 * Steps that were run one after the other although neither needs the other, by what they themselves declare. The
 * saving is what comes out when the same steps, each as long as it was, are run again on paper as early as their
 * declarations allow.
 */
export const sequentialSteps: Rule = (unit) => {
  if (durationOf(unit.root) < LEAST_SAVING_MS) return [];
  const declared = unit.nodes.flatMap((node): DeclaredStep[] => {
    const after = declaredAfter(node);
    return after === undefined ? [] : [{ name: node.step ?? node.name, node, after }];
  });
  const siblings = groupBy(declared, ({ node }) => node.parent?.id ?? '');
  return [...siblings.values()].flatMap((steps) => finding(unit, steps));
};

function finding(unit: Unit, steps: readonly DeclaredStep[]): readonly FoundIn[] {
  const byName = new Map(steps.map((step) => [step.name, step]));
  // A step that ran twice has no one place in the graph.
  if (byName.size !== steps.length) return [];
  const independent = independentInSequence(steps, byName);
  const onPath = new Set(unit.path.flatMap(({ node }) => node.step ?? []));
  const nowMs = durationOf(unit.root);
  const savingMs = rerunOnPaper(steps, byName);
  const isWorthIt = savingMs >= LEAST_SAVING_MS && savingMs >= nowMs * LEAST_SAVING_SHARE;
  if (independent.length < 2 || !isWorthIt || !independent.some(({ name }) => onPath.has(name))) return [];

  const names = independent.map(({ name }) => `"${name}"`).join(', ');
  const predictedMs = nowMs - savingMs;
  const nodes = independent.map(({ node }) => node);
  return [
    {
      rule: 'sequential-steps',
      severity: 'critical',
      title: `${names} run one after the other and need not: as early as each may start, ${Math.round(nowMs)} ms become ${Math.round(predictedMs)} ms`,
      evidence: {
        steps: independent.map(({ name }) => name),
        order: steps.map(({ name }) => name),
        schedule: steps.map(({ name, after }) => {
          const needs = after.filter((dependency) => byName.has(dependency));
          return needs.length === 0 ? name : `${name} after ${needs.join(', ')}`;
        }),
        nowMs: rounded(nowMs),
        predictedMs: rounded(predictedMs),
        share: rounded(savingMs / nowMs),
      },
      callSite: callSiteOf(nodes),
      step: undefined,
      count: independent.length,
      timeMs: nodes.reduce((total, node) => total + durationOf(node), 0),
      savingMs,
      nodes,
      identity: independent
        .map(({ name }) => name)
        .toSorted()
        .join('\n'),
    },
  ];
}

/** Those that are long enough and have another that neither needs them nor is needed, before or after them. */
function independentInSequence(
  steps: readonly DeclaredStep[],
  byName: ReadonlyMap<string, DeclaredStep>,
): readonly DeclaredStep[] {
  const long = steps.filter(({ node }) => durationOf(node) >= LEAST_STEP_MS);
  const needs = new Map(long.map((step) => [step, neededBy(step, byName)]));
  return long.filter((a) =>
    long.some((b) => {
      if (a === b || needs.get(a)?.has(b.name) || needs.get(b)?.has(a.name)) return false;
      return a.node.end <= b.node.start + OVERLAP_MS || b.node.end <= a.node.start + OVERLAP_MS;
    }),
  );
}

/** All that a step is after, directly or through others. */
function neededBy(step: DeclaredStep, byName: ReadonlyMap<string, DeclaredStep>): ReadonlySet<string> {
  const needed = new Set<string>();
  const waiting = [...step.after];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    waiting.push(...(byName.get(name)?.after ?? []));
  }
  return needed;
}

/**
 * Milliseconds that are saved when each step starts as soon as what it is after has ended. What passed between a step
 * and the one that ended last before it (a checkpoint, a look-up) stays in front of it.
 */
function rerunOnPaper(steps: readonly DeclaredStep[], byName: ReadonlyMap<string, DeclaredStep>): number {
  const begin = Math.min(...steps.map(({ node }) => node.start));
  const ends = new Map<string, number>();
  const endOf = (step: DeclaredStep, above: ReadonlySet<string>): number => {
    const known = ends.get(step.name);
    if (known !== undefined) return known;
    const needs = step.after.flatMap((name) => (above.has(name) ? [] : (byName.get(name) ?? [])));
    const inside = new Set([...above, step.name]);
    const ready = Math.max(begin, ...needs.map((need) => endOf(need, inside)));
    const end = ready + delayBefore(step, steps, begin) + durationOf(step.node);
    ends.set(step.name, end);
    return end;
  };
  const predicted = Math.max(...steps.map((step) => endOf(step, new Set())));
  return Math.max(...steps.map(({ node }) => node.end)) - predicted;
}

function delayBefore({ node }: DeclaredStep, steps: readonly DeclaredStep[], begin: number): number {
  const before = steps.flatMap((other) => (other.node.end <= node.start ? [other.node.end] : []));
  return node.start - Math.max(begin, ...before);
}
