import {
  constants,
  monitorEventLoopDelay,
  type PerformanceNodeEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';

export type CollectionKind = 'minor' | 'major' | 'incremental' | 'weak';

/** What garbage collection took. */
export interface Collections {
  readonly count: number;
  readonly ms: number;
}

/** One second of this process; shares are parts of 1. */
export interface ProcessReading {
  /** Milliseconds since the epoch, at the end of the second. */
  readonly at: number;
  /** The profiler held up the process in this second, or at the end of the one before. */
  readonly disturbed: boolean;
  /** Milliseconds by which callbacks ran later than they could have. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Share of the time in which the event loop had work. */
  readonly utilisation: number;
  /** Of one core; more than 1 when other threads work too. */
  readonly cpu: number;
  readonly collections: Readonly<Record<CollectionKind, Collections>>;
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
}

const EVERY_MS = 1_000;
/** Readings that are kept: a minute. */
const KEPT = 60;
/** Milliseconds between the ticks whose lateness is measured; Node counts them as a part of the delay. */
const RESOLUTION_MS = 10;

const KINDS: Readonly<Record<number, CollectionKind>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak',
};

export type ProcessReadings = ReturnType<typeof startProcessReadings>;

/** Reads the process once a second and keeps the last minute. */
export function startProcessReadings() {
  const readings: ProcessReading[] = [];
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let collections = noCollections();
  let disturbed = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { detail, duration } of list.getEntries() as PerformanceNodeEntry[]) {
      const kind = KINDS[(detail as { kind: number }).kind];
      if (!kind) continue;
      const { count, ms } = collections[kind];
      collections[kind] = { count: count + 1, ms: ms + duration };
    }
  });
  observer.observe({ entryTypes: ['gc'] });

  let before = { at: performance.now(), loop: performance.eventLoopUtilization(), cpu: process.cpuUsage() };
  const timer = setInterval(() => {
    const now = { at: performance.now(), loop: performance.eventLoopUtilization(), cpu: process.cpuUsage() };
    const cpuMicros = now.cpu.user + now.cpu.system - before.cpu.user - before.cpu.system;
    const memory = process.memoryUsage();
    readings.push({
      at: Date.now(),
      disturbed: disturbed > 0,
      loopDelay: {
        p50: delayMs(delays.percentile(50)),
        p99: delayMs(delays.percentile(99)),
        max: delayMs(delays.max),
      },
      utilisation: performance.eventLoopUtilization(now.loop, before.loop).utilization,
      cpu: cpuMicros / 1000 / (now.at - before.at),
      collections,
      rssBytes: memory.rss,
      heapUsedBytes: memory.heapUsed,
      heapTotalBytes: memory.heapTotal,
      externalBytes: memory.external,
    });
    if (readings.length > KEPT) readings.shift();
    delays.reset();
    collections = noCollections();
    disturbed = Math.max(0, disturbed - 1);
    before = now;
  }, EVERY_MS);
  timer.unref();

  return {
    /** The oldest first; at most a minute. */
    all: (): readonly ProcessReading[] => readings,
    disturb(): void {
      // This second and the next one: the timers that are late may run after the reading that is due.
      disturbed = 2;
    },
    close(): void {
      clearInterval(timer);
      delays.disable();
      observer.disconnect();
    },
  };
}

function noCollections(): Record<CollectionKind, Collections> {
  const none = { count: 0, ms: 0 };
  return { minor: none, major: none, incremental: none, weak: none };
}

/** From the nanoseconds of the histogram, which is empty right after a second that was blocked as a whole. */
function delayMs(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) || 0;
}
