import type { CallTree, Weight } from './call-tree.ts';
import type { FlameNode, Frame, FunctionRow, Label, LabelSum, Metric } from './model.ts';

/** Which samples count; without a field, all of them. An empty text chooses those outside of every step or route. */
export interface SampleFilter {
  readonly step?: string | undefined;
  readonly route?: string | undefined;
}

/** Functions in a table: further down are fractions of a percent. */
const ROW_LIMIT = 200;
/** Boxes below this part of the whole are thinner than a pixel. */
const VISIBLE_SHARE = 1 / 2000;

/** The functions that took most themselves first, one row each however they were called. */
export function functionTable(tree: CallTree, metric: Metric, filter: SampleFilter = {}): FunctionRow[] {
  const rows = new Map<string, { frame: Frame; samples: number; self: number; total: number }>();
  let all = 0;
  for (const weight of chosen(tree, filter)) {
    const value = measured(tree, weight, metric);
    all += value;
    const counted = new Set<string>();
    for (let index = weight.node; index >= 0; index = tree.nodes[index]?.parent ?? -1) {
      const frame = frameOf(tree, index);
      const key = `${frame.name} ${frame.file}:${frame.line}`;
      // Once in a stack: what calls itself has not taken the time twice.
      if (counted.has(key)) continue;
      counted.add(key);
      const row = rows.get(key) ?? { frame, samples: 0, self: 0, total: 0 };
      rows.set(key, row);
      row.total += value;
      if (index !== weight.node) continue;
      row.self += value;
      row.samples += weight.samples;
    }
  }
  return [...rows.values()]
    .sort((one, other) => other.self - one.self || other.total - one.total)
    .slice(0, ROW_LIMIT)
    .map(({ frame, ...sums }) => ({
      ...frame,
      ...sums,
      selfShare: share(sums.self, all),
      totalShare: share(sums.total, all),
    }));
}

/** What each step took, the most first. */
export function sumsByLabel(tree: CallTree): LabelSum[] {
  const sums = new Map<string, { label: Label; samples: number; values: number[] }>();
  for (const { label, samples, values } of tree.weights) {
    const key = JSON.stringify([label.step, label.route]);
    const sum = sums.get(key) ?? { label, samples: 0, values: values.map(() => 0) };
    sums.set(key, sum);
    sum.samples += samples;
    sum.values = sum.values.map((value, index) => value + (values[index] ?? 0));
  }
  return [...sums.values()]
    .sort((one, other) => (other.values[0] ?? 0) - (one.values[0] ?? 0))
    .map(({ label, samples, values }) => ({
      ...label,
      samples,
      sums: Object.fromEntries(tree.metrics.map((metric, index) => [metric, values[index] ?? 0])),
    }));
}

/** The tree of the flame graph; its root stands for everything that was chosen. */
export function flameGraph(tree: CallTree, metric: Metric, filter: SampleFilter = {}): FlameNode {
  const self = new Float64Array(tree.nodes.length);
  let all = 0;
  for (const weight of chosen(tree, filter)) {
    const value = measured(tree, weight, metric);
    all += value;
    self[weight.node] = (self[weight.node] ?? 0) + value;
  }
  const total = self.slice();
  const children: FlameNode[][] = tree.nodes.map(() => []);
  const top: FlameNode[] = [];
  const widestFirst = (boxes: FlameNode[]) => boxes.sort((one, other) => other.total - one.total);
  // Backwards: a node's children come after it, and are complete when it is reached.
  for (let index = tree.nodes.length - 1; index >= 0; index--) {
    const parent = tree.nodes[index]?.parent ?? -1;
    if (parent >= 0) total[parent] = (total[parent] ?? 0) + (total[index] ?? 0);
    if (!((total[index] ?? 0) > all * VISIBLE_SHARE)) continue;
    (children[parent] ?? top).push({
      ...frameOf(tree, index),
      self: self[index] ?? 0,
      total: total[index] ?? 0,
      children: widestFirst(children[index] ?? []),
    });
  }
  return { name: 'all', file: '', line: 0, self: 0, total: all, children: widestFirst(top) };
}

function chosen({ weights }: CallTree, { step, route }: SampleFilter): readonly Weight[] {
  return weights.filter(
    ({ label }) =>
      (step === undefined || step === (label.step ?? '')) &&
      (route === undefined || route === (label.route ?? '')),
  );
}

function measured({ metrics }: CallTree, { values }: Weight, metric: Metric): number {
  return values[metrics.indexOf(metric)] ?? 0;
}

function frameOf(tree: CallTree, node: number): Frame {
  return tree.frames[tree.nodes[node]?.frame ?? -1] ?? { name: '', file: '', line: 0 };
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
