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
  let wake: (() => void) | undefined;

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
      const { granted, place, processes } = await places.attempt(waiter.ticket, waiter.place);
      failingSince = undefined;
      leaving.forEach(leave);
      waiter.place = place;
      local.share(1 / processes);
      if (!granted) return false;
      // Counted here too, so that the share is kept when Redis goes away in the middle of it.
      const uncount = local.note();
      remove(waiter);
      waiter.pass(() => {
        uncount();
        untraced(() => places.release(waiter.ticket)).catch(() => {});
        wake?.();
      });
    } catch {
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
            local.acquire(signal).then(resolve, reject);
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
