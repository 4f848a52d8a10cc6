import { Redis, type RedisOptions } from 'ioredis';

/** Milliseconds. An answer that takes longer counts as none: Redis is asked for speed, Postgres has the truth. */
export const REDIS_TIMEOUT_MS = 400;

/** Milliseconds between attempts to reach a Redis that is away. */
const RECONNECT_MS = 500;

const COMMON = {
  connectTimeout: 2_000,
  retryStrategy: () => RECONNECT_MS,
} satisfies RedisOptions;

/**
 * Milliseconds. A connection of which a machine on the way has forgotten stays silent for ever, and nobody closes it:
 * what is asked on it and not answered for this long ends it.
 */
const SILENCE_MS = 5_000;

/** For commands that must answer at once or fail: nothing waits for a connection. */
export function connectRedis(url: string): Redis {
  const redis = new Redis(url, {
    ...COMMON,
    commandTimeout: REDIS_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
  });
  // The first command that a hung server leaves without an answer ends the connection: those after it fail at once,
  // until a new one is answered. The others under way on it run out of time as well, and find it ended.
  let isEnding = false;
  redis.on('close', () => {
    isEnding = false;
  });
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    const sent = send(command, stream) as Promise<unknown>;
    command.promise.catch((error: Error) => {
      if (error.message !== 'Command timed out' || redis.status !== 'ready' || isEnding) return;
      isEnding = true;
      redis.disconnect(true);
    });
    return sent;
  };
  return quiet(redis);
}

/** For a worker's blocking reads: waits for Redis to come back, however long that takes. */
export function connectWaitingRedis(url: string): Redis {
  return quiet(new Redis(url, { ...COMMON, maxRetriesPerRequest: null }));
}

/** For subscriptions. Nothing is kept for later: who follows says anew what it follows. */
export function connectSubscriberRedis(url: string): Redis {
  return quiet(
    new Redis(url, {
      ...COMMON,
      socketTimeout: SILENCE_MS,
      enableOfflineQueue: false,
      autoResubscribe: false,
    }),
  );
}

/** Faults surface where a command fails; without a listener ioredis prints each of them. */
function quiet(redis: Redis): Redis {
  return redis.on('error', () => {});
}
