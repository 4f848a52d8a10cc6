import { randomUUID } from 'node:crypto';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Redis } from 'ioredis';
import { createPlaces } from './acquire-place.ts';
import type { Limiter, Limits, Release } from './limiter.ts';
import { createLocalLimiter } from './local-limiter.ts';

/** Milliseconds between looks of the first one that waits here, for places that other processes give back. */
const LOOK_EVERY_MS = 50;
/** A process that has not looked for so many milliseconds is gone, or as good as gone. */
const SILENT_MS = 2_000;

/**
 * Milliseconds without an answer of Redis after which it is away. Before that its silence is a hiccup, of either side:
 * calls that only this process knows of would come on top of those that Redis lets pass.
 */
const AWAY_AFTER_MS = 1_000;

export interface SharedLimiterOptions extends Limits {
  readonly redis: Redis;
  /** Milliseconds that a call may take: a process that is killed blocks its places for no longer. */
  readonly callMs: number;
}

interface Waiter {
  readonly ticket: string;
  place: number;
  /** Under way: it must not ask twice at the same time, and be let pass twice. */
  asking: Promise<boolean> | undefined;
  pass(release: Release): void;
  /** Redis does not answer: it waits in the line of this process. */
  fallBack(): void;
}

/**
 * Across processes, through Redis. While Redis is away each process keeps to its share of the limits, by the number
 * of processes that were there last. Only the first in line asks: those behind it cannot pass before it does.
 */
export function createSharedLimiter({ redis, callMs, ...limits }: SharedLimiterOptions): Limiter {
  const id = randomUUID();
  const places = createPlaces(redis, id, { ...limits, callMs, silentMs: SILENT_MS });
  const local = createLocalLimiter(limits);
  const line: Waiter[] = [];
  /** Tickets whose leaving Redis has not confirmed: one that stayed would be before everybody else for good. */
  const leaving = new Set<string>();
  let tickets = 0;
  let isLooking = false;
  let failingSince: number | undefined;
  /** All that still count, with the moment at which they stop to; undefined while they run. */
  const calls = new Map<string, number | undefined>();
  /** Redis may not know all of them: they were made without it, or it has begun anew. */
  let isBehind = false;
  let restoring: Promise<void> | undefined;
  let wake: (() => void) | undefined;

  // Those who wait for nothing have calls to tell of as well.
  redis.on('close', () => {
    isBehind = true;
  });
  redis.on('ready', () => untraced(catchUp).catch(() => {}));

  /** Counts a call here until a window after its end, and releases it there too. */
  function keep(ticket: string, end: () => void): Release {
    const now = performance.now();
    for (const [other, until] of calls) if (until !== undefined && until <= now) calls.delete(other);
    calls.set(ticket, undefined);
    return () => {
      calls.set(ticket, performance.now() + limits.windowMs);
      end();
    };
  }

  function catchUp(): Promise<void> {
    restoring ??= restore().finally(() => {
      restoring = undefined;
    });
    return restoring;
  }

  /** Nobody passes by Redis before the calls of this process are counted there. */
  async function restore(): Promise<void> {
    // Again for those that were made meanwhile.
    while (isBehind) {
      const now = performance.now();
      const known = [...calls].map(([ticket, until]) => ({
        ticket,
        countsForMs: until && Math.max(0, until - now),
      }));
      isBehind = false;
      try {
        await places.restore(known);
      } catch (error) {
        isBehind = true;
        throw error;
      }
    }
  }

  /** Counts a call that was made without Redis, and tells it as soon as it can be told. */
  function keepLocal(ticket: string, end: () => void): Release {
    const release = keep(ticket, () => endLocal(ticket, end));
    isBehind = true;
    untraced(catchUp).catch(() => {});
    return release;
  }

  function leave(ticket: string): void {
    leaving.add(ticket);
    untraced(() => places.leave(ticket)).then(
      () => leaving.delete(ticket),
      () => {},
    );
  }

  /** True when the waiter has left the line, one way or the other. */
  function tryToPass(waiter: Waiter): Promise<boolean> {
    waiter.asking ??= ask(waiter).finally(() => {
      waiter.asking = undefined;
    });
    return waiter.asking;
  }

  async function ask(waiter: Waiter): Promise<boolean> {
    try {
      await catchUp();
      // It gave up meanwhile: asking now would put it back into the line, for good.
      if (!line.includes(waiter)) return true;
      const { granted, place, processes } = await places.attempt(waiter.ticket, waiter.place);
      failingSince = undefined;
      leaving.forEach(leave);
      waiter.place = place;
      local.share(1 / processes);
      if (!granted) return false;
      // Counted here too, so that the share is kept when Redis goes away in the middle of it.
      const uncount = local.note();
      remove(waiter);
      waiter.pass(
        keep(waiter.ticket, () => {
          uncount();
          untraced(() => places.release(waiter.ticket)).catch(() => {
            isBehind = true;
          });
          wake?.();
        }),
      );
    } catch {
      isBehind = true;
      failingSince ??= performance.now();
      if (performance.now() - failingSince < AWAY_AFTER_MS) return false;
      remove(waiter);
      waiter.fallBack();
    }
    return true;
  }

  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    for (let first = line[0]; first; first = line[0]) {
      if (await tryToPass(first)) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_EVERY_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    isLooking = false;
  }

  /** Redis is told the end of a call that it was told of meanwhile. */
  function endLocal(ticket: string, end: () => void): void {
    end();
    untraced(() => places.release(ticket)).catch(() => {
      isBehind = true;
    });
  }

  function remove(waiter: Waiter): void {
    const index = line.indexOf(waiter);
    if (index >= 0) line.splice(index, 1);
  }

  return {
    acquire(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const ticket = `${id}:${++tickets}`;
        const onAbort = () => {
          remove(waiter);
          leave(ticket);
          reject(signal.reason);
        };
        const waiter: Waiter = {
          ticket,
          place: 0,
          asking: undefined,
          pass(release) {
            signal.removeEventListener('abort', onAbort);
            // Aborted while Redis answered.
            if (signal.aborted) release();
            else resolve(release);
          },
          fallBack() {
            signal.removeEventListener('abort', onAbort);
            leave(ticket);
            local.acquire(signal).then((end) => resolve(keepLocal(ticket, end)), reject);
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        line.push(waiter);
        // Takes its place in the line of all processes at once, whoever is before it here.
        if (line.length > 1) untraced(() => tryToPass(waiter));
        void untraced(look);
      });
    },
  };
}

/** The looks belong to nobody's trace. The wait has a span of its own. */
function untraced<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}
