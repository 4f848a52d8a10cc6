import {
  DelegateBackoff,
  ExponentialBackoff,
  type FailureReason,
  handleWhen,
  type IBackoff,
  type IRetryBackoffContext,
  type RetryPolicy,
  retry,
} from 'cockatiel';
import { isModelError, ModelError } from './model-error.ts';

/** Milliseconds before the second call; more from there, and never the same for all that fail at the same time. */
const RETRY_DELAY_MS = 200;

/**
 * Calls again after faults that pass, as long as the provider can be back in time.
 *
 * @param retries calls after the first.
 * @param deadline by `performance.now()`: no call begins after it.
 */
export function retryCalls(retries: number, deadline: number): RetryPolicy {
  const mayPass = (error: unknown) =>
    isModelError(error, 'unavailable', 'connection', 'timeout', 'keys_resting') &&
    performance.now() + (error.retryAfterMs ?? RETRY_DELAY_MS) < deadline;
  return retry(handleWhen(mayPass), { maxAttempts: retries, backoff: jitteredAfter() }).dangerouslyUnref();
}

/** The code of a failure, for metrics. */
export function faultOf(failure: FailureReason<unknown>): string {
  return 'error' in failure && failure.error instanceof ModelError ? failure.error.code : 'unknown';
}

/** Longer each time, by chance; and by that much after what the provider asks for, so that not all come back at once. */
function jitteredAfter() {
  const jittered = new ExponentialBackoff({ initialDelay: RETRY_DELAY_MS });
  return new DelegateBackoff<IRetryBackoffContext<unknown>, IBackoff<unknown>>(({ result }, state) => {
    const next = state?.next(undefined) ?? jittered.next();
    const asked = 'error' in result && result.error instanceof ModelError ? result.error.retryAfterMs : 0;
    return { delay: (asked ?? 0) + next.duration, state: next };
  });
}
