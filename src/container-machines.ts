import type { Redis } from 'ioredis';
import type { Config } from './config.ts';
import type { SessionBus, SessionQueue } from './domain/ports.ts';
import { describeError, type Logger } from './log.ts';
import { type BullmqQueue, createBullmqQueue } from './queue/bullmq-queue.ts';
import { createFallbackQueue } from './queue/fallback-queue.ts';
import { createLocalQueue } from './queue/local-queue.ts';
import { connectRedis, connectSubscriberRedis, connectWaitingRedis } from './queue/redis.ts';
import { createRedisBus } from './queue/redis-bus.ts';
import type { SessionMetrics } from './sessions/session-metrics.ts';

/** The part of the container for many machines. */
export interface Machines {
  readonly queue: SessionQueue;
  readonly bus: SessionBus;
  readonly redis: Redis;
  readonly shared: BullmqQueue;
  /** Of the caches alone. */
  readonly cacheSubscriber: Redis;
}

/** Queue and bus across machines, with this process in their place while Redis is away. */
export function connectMachines(
  url: string,
  role: Config['role'],
  metrics: SessionMetrics,
  log: Logger,
  resources: AsyncDisposableStack,
): Machines {
  const connected = (connection: Redis): Redis => {
    resources.defer(() => connection.disconnect());
    // BullMQ makes connections of its own from ours, and does not end them while Redis is away.
    const duplicate = connection.duplicate.bind(connection);
    connection.duplicate = (...options) => connected(duplicate(...options));
    return connection;
  };
  const redis = connected(connectRedis(url));
  const shared = createBullmqQueue({
    producer: redis,
    consumer: () => connected(connectWaitingRedis(url)),
  });
  const queue = createFallbackQueue({
    primary: shared,
    fallback: createLocalQueue(),
    consumesPrimary: role !== 'api',
    onFallback(error) {
      metrics.queueFellBack();
      log.warn({ err: describeError(error) }, 'the shared queue took no session: executing it here');
    },
  });
  const bus = createRedisBus({ publisher: redis, subscriber: connected(connectSubscriberRedis(url)) });
  resources.defer(() => bus.close());
  return { queue, bus, redis, shared, cacheSubscriber: connected(connectSubscriberRedis(url)) };
}
