import { setTimeout as delay } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { SourceFault } from './source-fault.ts';

export interface RetryLimits {
  /** Calls in all. */
  readonly attempts: number;
  /** Milliseconds before the second call at most; doubles from there. */
  readonly retryDelayMs: number;
  /** Milliseconds that a source may ask to be left alone and still be waited for. */
  readonly longestWaitMs: number;
}

/**
 * Calls again after a fault that may pass, with full jitter ("Exponential Backoff And Jitter", AWS architecture blog,
 * 2015), or when the source says so. Not cockatiel's retry: its wait does not end with the signal, and a shutdown would
 * stand in it.
 *
 * @throws the last fault; the signal's reason when it was aborted.
 */
export async function retrying<T>(
  call: () => Promise<T>,
  { attempts, retryDelayMs, longestWaitMs }: RetryLimits,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SourceFault) || error.code === 'refused' || error.code === 'too_large')
        throw error;
      const waitMs = error.retryAfterMs ?? Math.random() * retryDelayMs * 2 ** (attempt - 1);
      if (attempt >= attempts || waitMs > longestWaitMs) throw error;
      trace.getActiveSpan()?.addEvent('retry', { attempt, 'error.type': error.code });
      await delay(waitMs, undefined, { signal });
    }
  }
}
