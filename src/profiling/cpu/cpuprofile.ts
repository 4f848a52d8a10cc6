import type { CallTree, Moment } from './call-tree.ts';
import type { Frame } from './model.ts';

/** `Profiler.Profile` of the Chrome DevTools protocol, which DevTools and VS Code open as a `.cpuprofile`. */
export interface CpuProfile {
  readonly nodes: readonly CpuProfileNode[];
  /** Microseconds, as every time here. */
  readonly startTime: number;
  readonly endTime: number;
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Between a sample and the one before it; the first counts from `startTime`. */
  readonly timeDeltas: readonly number[];
}

interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly scriptId: string;
    readonly url: string;
    /** From 0; -1 where there is no source. */
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  hitCount: number;
  readonly children: number[];
}

const ROOT_ID = 1;
const IDLE_ID = 2;
const FIRST_ID = 3;

/** @throws {TypeError} for a profile of the heap, which has no time line. */
export function toCpuProfile({ frames, nodes, moments }: CallTree): CpuProfile {
  const [first, last] = [moments[0], moments.at(-1)];
  if (!first || !last) throw new TypeError('a profile without samples in time has no .cpuprofile');
  const files = [...new Set(frames.map(({ file }) => file))];
  const root = nodeFor(ROOT_ID, { name: '(root)', file: '', line: 0 }, '0');
  const idle = nodeFor(IDLE_ID, { name: '(idle)', file: '', line: 0 }, '0');
  root.children.push(IDLE_ID);
  const written = [root, idle];
  for (const [index, { frame, parent }] of nodes.entries()) {
    const called = frames[frame] ?? { name: '', file: '', line: 0 };
    written.push(nodeFor(index + FIRST_ID, called, String(files.indexOf(called.file) + 1)));
    const caller = parent < 0 ? root : written[parent + FIRST_ID - ROOT_ID];
    caller?.children.push(index + FIRST_ID);
  }
  const idOf = ({ node }: Moment) => (node === undefined ? IDLE_ID : node + FIRST_ID);
  for (const moment of moments) {
    const node = written[idOf(moment) - ROOT_ID];
    if (node) node.hitCount += 1;
  }
  return {
    nodes: written,
    startTime: first.at,
    endTime: last.at,
    samples: moments.map(idOf),
    timeDeltas: moments.map(({ at }, index) => at - (moments[index - 1]?.at ?? first.at)),
  };
}

function nodeFor(id: number, { name, file, line }: Frame, scriptId: string): CpuProfileNode {
  return {
    id,
    callFrame: { functionName: name, scriptId, url: file, lineNumber: line - 1, columnNumber: -1 },
    hitCount: 0,
    children: [],
  };
}
