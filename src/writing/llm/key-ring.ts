import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import type { Release } from './limiter/limiter.ts';
import { isModelError, ModelError } from './model-error.ts';

/** Milliseconds that a refused key rests: somebody has to mend it. */
const REFUSED_REST_MS = 10 * 60_000;
/** The same for one that is over its quota, when the provider does not say for how long. */
const LIMITED_REST_MS = 2_000;

/** Failed calls in a row with one key after which the provider is left alone, and for how many milliseconds. */
const BREAK_AFTER = 5;
const BREAK_MS = 10_000;

interface Key {
  readonly index: number;
  readonly breaker: CircuitBreakerPolicy;
  restsUntil: number;
  /** Why it rests. */
  fault: 'rate_limited' | 'key_refused' | 'circuit_open' | undefined;
}

/**
 * `open`: its calls failed again and again, and none has succeeded since; it may be tried once more or not.
 * `resting`: refused, or over its quota.
 */
export const KEY_STATES = ['available', 'resting', 'open'] as const;
export type KeyState = (typeof KEY_STATES)[number];

export interface KeyRing {
  /**
   * Calls with the next key that may be used, and with another when that one is refused or over its quota.
   *
   * @param enter waits for a place. The key is chosen after it: one may have been refused meanwhile.
   * @throws {ModelError} that of the last key, or that every key rests.
   */
  use<T>(enter: () => Promise<Release>, call: (index: number) => Promise<T>): Promise<T>;
  /** Of each key, at this moment. */
  states(): readonly KeyState[];
}

/** Keys in turn. One that is refused or over its quota rests, and so does one whose calls fail again and again. */
export function createKeyRing(count: number): KeyRing {
  const keys = Array.from({ length: count }, (_, index): Key => {
    const breaker: CircuitBreakerPolicy = circuitBreaker(
      handleWhen(
        (error) =>
          isModelError(error, 'unavailable', 'connection', 'timeout') ||
          // A try that was left tells nothing of the provider: to the breaker it would be one that went well.
          (breaker.state === CircuitState.HalfOpen && !(error instanceof ModelError)),
      ),
      { breaker: new ConsecutiveBreaker(BREAK_AFTER), halfOpenAfter: BREAK_MS },
    );
    const key: Key = { index, breaker, restsUntil: 0, fault: undefined };
    breaker.onBreak(() => rest(key, 'circuit_open', BREAK_MS));
    return key;
  });
  let turn = 0;

  function rest(key: Key, fault: NonNullable<Key['fault']>, ms: number): void {
    key.restsUntil = Math.max(key.restsUntil, Date.now() + ms);
    key.fault = fault;
  }

  /** Half open: one call tries whether the provider is back, and the others do not wait for it. */
  const isResting = ({ restsUntil, breaker }: Key): boolean =>
    restsUntil > Date.now() || breaker.state === CircuitState.HalfOpen;

  function next(): Key | undefined {
    const free = Array.from({ length: count }, (_, offset) => keys[(turn + offset) % count]).find(
      (key) => key !== undefined && !isResting(key),
    );
    if (free) turn = free.index + 1;
    return free;
  }

  function resting(): ModelError {
    if (keys.every(({ fault }) => fault === 'circuit_open')) return new ModelError('circuit_open');
    const soonest = Math.min(...keys.map(({ restsUntil }) => restsUntil));
    return new ModelError('keys_resting', { retryAfterMs: Math.max(0, soonest - Date.now()) });
  }

  function stateOf({ breaker, restsUntil }: Key): KeyState {
    if (breaker.state !== CircuitState.Closed) return 'open';
    return restsUntil > Date.now() ? 'resting' : 'available';
  }

  return {
    states: () => keys.map(stateOf),

    async use(enter, call) {
      let last: ModelError | undefined;
      for (let tried = 0; tried < count; tried++) {
        if (keys.every(isResting)) break;
        const release = await enter();
        const key = next();
        if (!key) {
          release();
          break;
        }
        try {
          return await key.breaker.execute(() => call(key.index));
        } catch (error) {
          if (isModelError(error, 'key_refused')) rest(key, 'key_refused', REFUSED_REST_MS);
          else if (isModelError(error, 'rate_limited')) {
            rest(key, 'rate_limited', error.retryAfterMs ?? LIMITED_REST_MS);
          } else throw error;
          last = error;
        } finally {
          release();
        }
      }
      throw last?.code === 'rate_limited' ? resting() : (last ?? resting());
    },
  };
}
