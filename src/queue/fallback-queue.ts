import type { SessionQueue } from '../domain/ports.ts';

export interface FallbackQueueOptions {
  readonly primary: SessionQueue;
  readonly fallback: SessionQueue;
  /** Whether this process executes what others have put into the primary queue. */
  readonly consumesPrimary: boolean;
  readonly onFallback: (error: unknown) => void;
}

/**
 * Puts a session into the fallback queue when the primary one does not take it in time: this process executes it
 * itself then. Should the primary queue have taken it after all, the session's lease lets only one of them run.
 */
export function createFallbackQueue({
  primary,
  fallback,
  consumesPrimary,
  onFallback,
}: FallbackQueueOptions): SessionQueue {
  return {
    async enqueue(sessionId, fence) {
      try {
        await primary.enqueue(sessionId, fence);
      } catch (error) {
        onFallback(error);
        await fallback.enqueue(sessionId, fence);
      }
    },
    consume(execute, concurrency) {
      if (consumesPrimary) primary.consume(execute, concurrency);
      fallback.consume(execute, concurrency);
    },
    async close() {
      await Promise.all([primary.close(), fallback.close()]);
    },
  };
}
