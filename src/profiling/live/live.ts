import { setTimeout as delay } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { type InFlightList, inFlightNow } from './in-flight.ts';
import { type ProcessReading, startProcessReadings } from './process-readings.ts';
import { liveVerdict, type Verdict } from './verdict.ts';

/** Numbers of one thing of the application, such as the connections of a pool. */
export type GaugeReadings = Readonly<Record<string, number>>;
/** By name, what the application can tell about itself. */
export type Gauges = Readonly<Record<string, () => GaugeReadings | Promise<GaugeReadings>>>;

export interface HeapSpace {
  readonly name: string;
  readonly usedBytes: number;
  readonly sizeBytes: number;
}

export interface LiveSnapshot {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly pid: number;
  readonly uptimeSeconds: number;
  readonly verdict: Verdict;
  /** Once a second, the oldest first; at most a minute. Empty in the first second. */
  readonly readings: readonly ProcessReading[];
  readonly heapSpaces: readonly HeapSpace[];
  /** Null where the application did not tell in time. */
  readonly gauges: Readonly<Record<string, GaugeReadings | null>>;
  readonly inFlight: InFlightList;
}

export type Live = ReturnType<typeof createLive>;

/** Milliseconds for a gauge: a database that hangs must not hide the rest. */
const GAUGE_LIMIT_MS = 500;

/** How this process is doing at the moment and in the last minute. */
export function createLive(gauges: Gauges) {
  const readings = startProcessReadings();
  return {
    async snapshot(): Promise<LiveSnapshot> {
      const told = await Promise.all(
        Object.entries(gauges).map(async ([name, read]) => [name, await ask(read)]),
      );
      const inFlight = inFlightNow();
      return {
        at: Date.now(),
        pid: process.pid,
        uptimeSeconds: process.uptime(),
        verdict: liveVerdict(readings.all(), inFlight.count),
        readings: readings.all(),
        heapSpaces: getHeapSpaceStatistics().map((space) => ({
          name: space.space_name,
          usedBytes: space.space_used_size,
          sizeBytes: space.space_size,
        })),
        gauges: Object.fromEntries(told),
        inFlight,
      };
    },
    /** The profiler has just held up the process, which says nothing about the service. */
    paused: () => readings.disturb(),
    close: () => readings.close(),
  };
}

async function ask(read: Gauges[string]): Promise<GaugeReadings | null> {
  const giveUp = new AbortController();
  const late = delay(GAUGE_LIMIT_MS, null, { ref: false, signal: giveUp.signal });
  late.catch(() => {});
  try {
    return await Promise.race([Promise.resolve(read()), late]);
  } catch {
    // The dependency that it asks is away, which `/readyz` tells.
    return null;
  } finally {
    giveUp.abort();
  }
}
