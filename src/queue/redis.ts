import { Redis, type RedisOptions } from 'ioredis';

/** Milliseconds. An answer that takes longer counts as none: Redis is asked for speed, Postgres has the truth. */
export const REDIS_TIMEOUT_MS = 400;

/** Milliseconds between attempts to reach a Redis that is away. */
const RECONNECT_MS = 500;

const COMMON = {
  connectTimeout: 2_000,
  retryStrategy: () => RECONNECT_MS,
} satisfies RedisOptions;

/** For commands that must answer at once or fail: nothing waits for a connection. */
export function connectRedis(url: string): Redis {
  return quiet(
    new Redis(url, {
      ...COMMON,
      commandTimeout: REDIS_TIMEOUT_MS,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
    }),
  );
}

/** For connections that wait: a worker's blocking reads, a subscriber. They come back by themselves. */
export function connectWaitingRedis(url: string): Redis {
  return quiet(new Redis(url, { ...COMMON, maxRetriesPerRequest: null }));
}

/** Faults surface where a command fails; without a listener ioredis prints each of them. */
function quiet(redis: Redis): Redis {
  return redis.on('error', () => {});
}
