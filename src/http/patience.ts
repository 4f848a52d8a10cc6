import type { ServerResponse } from 'node:http';

/** How long a request is worth waiting for. `end` must be called: it takes back every listener and timer. */
export interface Patience {
  /** Aborted when the client leaves, the service stops, or the time is over. */
  readonly signal: AbortSignal;
  readonly end: () => void;
}

/**
 * @param closing aborted when the service stops.
 * @param waitMs milliseconds; undefined waits for as long as the client does.
 */
export function patienceFor(res: ServerResponse, closing: AbortSignal, waitMs?: number): Patience {
  const controller = new AbortController();
  const lose = () => controller.abort();
  const timer = waitMs === undefined ? undefined : setTimeout(lose, waitMs);
  // Who left while the request was being accepted has told so already.
  if (closing.aborted || res.destroyed) lose();
  closing.addEventListener('abort', lose);
  res.once('close', lose);
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      closing.removeEventListener('abort', lose);
      res.off('close', lose);
    },
  };
}
