import { type Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { SessionQueue } from '../domain/ports.ts';
import { createBullmqTelemetry } from './bullmq-telemetry.ts';
import { REDIS_TIMEOUT_MS } from './redis.ts';
import { SESSION_QUEUE_NAME } from './session-queue-span.ts';

/** Milliseconds that a job's lock lives without renewal; a worker killed in a job loses it then. */
const LOCK_MS = 10_000;
/** Milliseconds between looks for jobs whose worker is gone. */
const STALLED_CHECK_MS = 5_000;

export interface BullmqQueueOptions {
  /** Answers at once or fails. */
  readonly producer: Redis;
  /** Waits for jobs; used only once `consume` is called. */
  readonly consumer: () => Redis;
}

export interface BullmqQueue extends SessionQueue {
  /** For the dashboard. */
  readonly queue: Queue;
}

/** Across machines. A job says that a session waits, and nothing of what is in it. */
export function createBullmqQueue({ producer, consumer }: BullmqQueueOptions): BullmqQueue {
  const telemetry = createBullmqTelemetry();
  const queue = new Queue(SESSION_QUEUE_NAME, {
    connection: producer,
    telemetry,
    skipVersionCheck: true,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  queue.on('error', () => {});
  const running = new Set<Promise<void>>();
  let worker: Worker | undefined;
  let connection: Redis | undefined;

  return {
    queue,

    async enqueue(sessionId, fence) {
      // The same session and fence are one job, however often it is handed out.
      const added = queue.add('session', { sessionId }, { jobId: `${sessionId}-${fence}`, lifo: fence > 0 });
      await withTimeout(added, REDIS_TIMEOUT_MS);
    },

    consume(execute, concurrency) {
      const process = async ({ data }: Job<{ sessionId: string }>) => {
        const run = execute(data.sessionId);
        running.add(run);
        await run.finally(() => running.delete(run));
      };
      connection = consumer();
      worker = new Worker(SESSION_QUEUE_NAME, process, {
        connection,
        telemetry,
        concurrency,
        skipVersionCheck: true,
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_CHECK_MS,
        // Attempts are counted by the session's own row.
        maxStalledCount: 1_000,
      });
      worker.on('error', () => {});
    },

    async close() {
      // Without Redis a gentle close would wait for it to come back.
      const force = connection?.status !== 'ready';
      const closing = [worker?.close(force), queue.close()].map((close) =>
        withTimeout(close, CLOSE_TIMEOUT_MS),
      );
      await Promise.allSettled([...closing, ...running]);
    },
  };
}

/** Milliseconds: closing speaks to Redis too, which may be gone. Running sessions are waited for elsewhere. */
const CLOSE_TIMEOUT_MS = 6_000;

async function withTimeout<T>(work: Promise<T> | undefined, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException('no answer from Redis', 'TimeoutError')), ms);
  });
  // The loser's later rejection is nobody's concern.
  work?.catch(() => {});
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}
