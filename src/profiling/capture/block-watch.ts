import type { Interval } from '../analysis/span-tree.ts';
import { BLOCKED_MS } from '../findings/event-loop-blocked.ts';

/** Milliseconds between beats: a block is found within that much. */
export const BEAT_MS = 50;
/** Blocks that are remembered: traces that they were in finish soon. */
const REMEMBERED = 100;
/** Part of the delay that this thread must have worked: the rest is a machine that had no time for it. */
const WORKED = 0.5;

/** Notices when a timer is late because this thread has worked all the while. */
export function watchBlocks() {
  const blocks: Interval[] = [];
  let beatAt = performance.now();
  let cpuAt = cpuMs();
  return {
    blocks: (): readonly Interval[] => blocks,

    /** To be called every `BEAT_MS`. */
    beat(): void {
      const [present, cpu] = [performance.now(), cpuMs()];
      const late = present - beatAt - BEAT_MS;
      if (late >= BLOCKED_MS && cpu - cpuAt >= late * WORKED) {
        blocks.push({ start: present - late, end: present });
        if (blocks.length > REMEMBERED) blocks.shift();
      }
      beatAt = present;
      cpuAt = cpu;
    },
  };
}

/** Milliseconds of processor time of this thread. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
