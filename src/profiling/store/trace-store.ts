import type { Finding } from '../model.ts';
import { createQueue } from './queue.ts';
import type { StoredSpan } from './stored-span.ts';

/** A finished trace, with what has been found out about it once. */
export interface StoredTrace {
  readonly traceId: string;
  readonly spans: readonly StoredSpan[];
  readonly droppedSpans: number;
  /** Of its first unit, which decides what it counts as. */
  readonly route: string;
  readonly rootId: string;
  readonly start: number;
  readonly durationMs: number;
  readonly failed: boolean;
  /** Ids of the roots that have been counted for their routes. */
  readonly units: readonly string[];
  readonly findings: readonly Finding[];
  readonly bytes: number;
}

export type TraceStore = ReturnType<typeof createTraceStore>;

const SLOWEST_PER_ROUTE = 5;
const LAST_ERRORS = 50;

/**
 * Finished traces within a number of bytes. Whole traces go, the oldest first; the slowest of each route and the last
 * errors stay longest, because they are what somebody will ask for. `room` tells how many bytes there are now.
 */
export function createTraceStore({ room }: { readonly room: () => number }) {
  /** By id. */
  const recent = new Map<string, StoredTrace>();
  const pinned = new Map<string, StoredTrace>();
  /** In the order in which they came. */
  const oldestRecent = createQueue<StoredTrace>((trace) => recent.get(trace.traceId) === trace);
  const oldestPinned = createQueue<StoredTrace>((trace) => pinned.get(trace.traceId) === trace);
  /** By route, the slowest first. */
  const slowest = new Map<string, StoredTrace[]>();
  const errors = new Set<StoredTrace>();
  let bytes = 0;
  let evicted = 0;
  let dropped = 0;

  function put(trace: StoredTrace): void {
    remove(trace.traceId);
    if (trace.bytes > room()) {
      dropped += 1;
      return;
    }
    bytes += trace.bytes;
    recent.set(trace.traceId, trace);
    oldestRecent.add(trace);
    if (trace.failed) pinError(trace);
    pinIfSlow(trace);
    makeRoom();
  }

  function pinError(trace: StoredTrace): void {
    errors.add(trace);
    pin(trace);
    const [oldest] = errors;
    if (errors.size > LAST_ERRORS && oldest) {
      errors.delete(oldest);
      unpin(oldest);
    }
  }

  function isSlow(route: string, durationMs: number): boolean {
    const list = slowest.get(route);
    const last = list?.[SLOWEST_PER_ROUTE - 1];
    return last === undefined || last.durationMs < durationMs;
  }

  function pinIfSlow(trace: StoredTrace): void {
    if (!isSlow(trace.route, trace.durationMs)) return;
    const list = slowest.get(trace.route) ?? [];
    const place = list.findIndex(({ durationMs }) => durationMs < trace.durationMs);
    list.splice(place < 0 ? list.length : place, 0, trace);
    slowest.set(trace.route, list);
    pin(trace);
    const displaced = list.length > SLOWEST_PER_ROUTE ? list.pop() : undefined;
    if (displaced) unpin(displaced);
  }

  function pin(trace: StoredTrace): void {
    recent.delete(trace.traceId);
    if (pinned.get(trace.traceId) === trace) return;
    pinned.set(trace.traceId, trace);
    oldestPinned.add(trace);
  }

  /** Unless it is pinned for the other reason as well. */
  function unpin(trace: StoredTrace): void {
    if (pinnedFor(trace) !== undefined) return;
    pinned.delete(trace.traceId);
    recent.set(trace.traceId, trace);
    oldestRecent.add(trace);
  }

  function pinnedFor(trace: StoredTrace): 'slow' | 'error' | undefined {
    if (errors.has(trace)) return 'error';
    return slowest.get(trace.route)?.includes(trace) ? 'slow' : undefined;
  }

  function makeRoom(): void {
    while (bytes > room()) {
      const trace = oldestRecent.first() ?? oldestPinned.first();
      if (trace === undefined) return;
      remove(trace.traceId);
      evicted += 1;
    }
  }

  function find(traceId: string): StoredTrace | undefined {
    return recent.get(traceId) ?? pinned.get(traceId);
  }

  function remove(traceId: string): void {
    const trace = find(traceId);
    if (trace === undefined) return;
    bytes -= trace.bytes;
    recent.delete(traceId);
    pinned.delete(traceId);
    errors.delete(trace);
    const list = slowest.get(trace.route);
    if (!list?.includes(trace)) return;
    list.splice(list.indexOf(trace), 1);
    if (list.length === 0) slowest.delete(trace.route);
  }

  return {
    put,
    find,
    isSlow,
    makeRoom,
    pinnedFor,
    all: (): readonly StoredTrace[] => [...recent.values(), ...pinned.values()],
    slowest: (route: string): readonly StoredTrace[] => slowest.get(route) ?? [],
    bytes: () => bytes,
    statistics: () => ({
      traces: recent.size + pinned.size,
      pinned: pinned.size,
      evictedTraces: evicted,
      droppedTraces: dropped,
    }),
  };
}
