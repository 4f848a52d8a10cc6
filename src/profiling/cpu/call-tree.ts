import type { Frame, Label, Metric } from './model.ts';
import type { ReadProfile } from './pprof-reader.ts';

export interface CallNode {
  /** Index in `frames`. */
  readonly frame: number;
  /** Index in `nodes`; -1 at the top. */
  readonly parent: number;
}

/** What was sampled in one node for one label. */
export interface Weight {
  readonly node: number;
  readonly label: Label;
  samples: number;
  /** In the order of `metrics`. */
  readonly values: number[];
}

/** One sample on the time line. */
export interface Moment {
  /** Microseconds since the epoch. */
  readonly at: number;
  /** Undefined: the thread waited for work. */
  readonly node: number | undefined;
}

/** Call stacks with their common beginnings merged. Parents come before their children. */
export interface CallTree {
  readonly metrics: readonly Metric[];
  readonly frames: readonly Frame[];
  readonly nodes: readonly CallNode[];
  readonly weights: readonly Weight[];
  /** In the order of time; none for the heap. */
  readonly moments: readonly Moment[];
  /** Samples that count for a caller of what really ran, because of the limit of nodes. */
  readonly foldedSamples: number;
}

/** Nodes of one tree: a service has some thousand, recursion over data could make any number. */
const NODE_LIMIT = 20_000;

export function buildCallTree({ metrics, frames, samples }: ReadProfile, nodeLimit = NODE_LIMIT): CallTree {
  const { nodes, nodeOf, folded } = mergeStacks(frames.length, nodeLimit);
  const weights = new Map<string, Weight>();
  const moments: Moment[] = [];
  for (const { stack, at, step, route, count, values } of samples) {
    const node = stack && nodeOf(stack);
    if (at !== undefined) moments.push({ at, node });
    if (node === undefined) continue;
    const key = JSON.stringify([node, step, route]);
    const weight = weights.get(key);
    if (weight) {
      weight.samples += count;
      for (const [index, value] of values.entries())
        weight.values[index] = (weight.values[index] ?? 0) + value;
    } else weights.set(key, { node, label: { step, route }, samples: count, values: [...values] });
  }
  moments.sort((one, other) => one.at - other.at);
  return { metrics, frames, nodes, weights: [...weights.values()], moments, foldedSamples: folded() };
}

function mergeStacks(frameCount: number, nodeLimit: number) {
  const nodes: CallNode[] = [];
  const children = new Map<number, number>();
  let folded = 0;
  return {
    nodes,
    folded: () => folded,
    nodeOf(stack: readonly number[]): number {
      let node = -1;
      for (const frame of stack) {
        const key = (node + 1) * frameCount + frame;
        let child = children.get(key);
        if (child === undefined) {
          // The first one always has its place: a sample counts somewhere.
          if (nodes.length >= nodeLimit && node >= 0) {
            folded += 1;
            break;
          }
          child = nodes.push({ frame, parent: node }) - 1;
          children.set(key, child);
        }
        node = child;
      }
      return node;
    },
  };
}
