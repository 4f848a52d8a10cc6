import type { Limiter, Limits, Release } from './limiter.ts';

export interface LocalLimiter extends Limiter {
  /** Counts a call that somebody else has let pass. */
  note(): Release;
  /** From now on only this part of the limits, and one call at least: the rest is for other processes. */
  share(part: number): void;
}

/**
 * In this process. A call counts until a window after its end, not its start: the provider counts when it arrives,
 * and nobody knows when that is.
 */
export function createLocalLimiter({ perWindow, windowMs, atOnce }: Limits): LocalLimiter {
  const waiting = new Set<() => void>();
  /** When each of the calls that have ended stops to count, the first one first. */
  const ended: number[] = [];
  let running = 0;
  let part = 1;
  let timer: NodeJS.Timeout | undefined;

  const shared = (limit: number) => Math.max(1, Math.floor(limit * part));

  function note(): Release {
    running += 1;
    return () => {
      running -= 1;
      ended.push(performance.now() + windowMs);
      handOut();
    };
  }

  function handOut(): void {
    clearTimeout(timer);
    const now = performance.now();
    while (ended[0] !== undefined && ended[0] <= now) ended.shift();
    for (const pass of waiting) {
      if (running >= shared(atOnce)) return;
      if (running + ended.length >= shared(perWindow)) {
        if (ended[0] !== undefined) timer = setTimeout(handOut, ended[0] - now);
        return;
      }
      waiting.delete(pass);
      pass();
    }
  }

  return {
    note,
    share(of) {
      part = of;
    },
    acquire(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const onAbort = () => {
          waiting.delete(pass);
          reject(signal.reason);
        };
        const pass = () => {
          signal.removeEventListener('abort', onAbort);
          resolve(note());
        };
        signal.addEventListener('abort', onAbort, { once: true });
        waiting.add(pass);
        handOut();
      });
    },
  };
}
