import type { Frame, Label, Metric } from './model.ts';
import { AT, ROUTE, STEP } from './sample-labels.ts';
import type { PprofProfile } from './sampler.ts';

export interface Sample extends Label {
  /** Indices in `frames`, the outermost call first. Undefined: the thread waited for work. */
  readonly stack: readonly number[] | undefined;
  /** Microseconds since the epoch; undefined for the heap and for other threads. */
  readonly at: number | undefined;
  readonly count: number;
  /** In the order of `metrics`. */
  readonly values: readonly number[];
}

export interface ReadProfile {
  readonly metrics: readonly Metric[];
  readonly frames: readonly Frame[];
  readonly samples: readonly Sample[];
}

/** Names of columns in pprof, with what makes one of our units. */
const METRICS: Readonly<Record<string, { readonly metric: Metric; readonly unit: number }>> = {
  cpu: { metric: 'cpu', unit: 1e6 },
  wall: { metric: 'wall', unit: 1e6 },
  alloc_space: { metric: 'allocated', unit: 1 },
  inuse_space: { metric: 'live', unit: 1 },
};

/** Columns that count; which of them there are depends on what was sampled. */
const COUNTS = ['sample', 'alloc_objects', 'inuse_objects'];

/** Names that the library gives to what is no call: waiting for work, and all memory outside of the heap. */
const IDLE = '(idle)';
const EXTERNAL = '(external)';

export function readPprof(profile: PprofProfile): ReadProfile {
  const { strings } = profile.stringTable;
  const text = (index: number | bigint | undefined): string => strings[Number(index ?? 0)] ?? '';
  const types = profile.sampleType.map(({ type }) => text(type));
  const countColumn = types.indexOf(COUNTS.find((name) => types.includes(name)) ?? '');
  const columns = types.flatMap((type, column) => (METRICS[type] ? [{ ...METRICS[type], column }] : []));
  columns.sort((one, other) => one.metric.localeCompare(other.metric));

  const { frames, indexOf } = readFrames(profile, text);
  const samples = profile.sample.flatMap(({ locationId, label, value }): Sample[] => {
    const stack = locationId.map(indexOf);
    const leaf = frames[stack[0] ?? 0]?.name;
    if (leaf === EXTERNAL) return [];
    const labels = new Map(label.map((one) => [text(one.key), one]));
    return [
      {
        step: text(labels.get(STEP)?.str) || undefined,
        route: text(labels.get(ROUTE)?.str) || undefined,
        stack: leaf === IDLE ? undefined : stack.reverse(),
        at: Number(labels.get(AT)?.num ?? 0) || undefined,
        count: Number(value[countColumn] ?? 0),
        values: columns.map(({ column, unit }) => Number(value[column] ?? 0) / unit),
      },
    ];
  });
  return { metrics: columns.map(({ metric }) => metric), frames, samples };
}

function readFrames(profile: PprofProfile, text: (index: number | bigint | undefined) => string) {
  const functions = new Map(profile.function.map((one) => [Number(one.id), one]));
  const indices = new Map<number, number>();
  const frames = profile.location.map(({ id, line: [line] }, index): Frame => {
    const called = functions.get(Number(line?.functionId));
    indices.set(Number(id), index);
    return { name: text(called?.name), file: text(called?.filename), line: Number(line?.line ?? 0) };
  });
  return { frames, indexOf: (id: number | bigint) => indices.get(Number(id)) ?? 0 };
}
