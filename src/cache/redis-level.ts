import { crc32 } from 'node:zlib';
import { RedisDriver } from 'bentocache/drivers/redis';
import {
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  isBrokenCircuitError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import { type Redis, ReplyError } from 'ioredis';

/** Milliseconds. A healthy Redis answers in one; after this the loader is not much slower. */
const ANSWER_WITHIN_MS = 40;
/** Milliseconds for which a Redis that did not answer is not asked. */
const LEFT_ALONE_MS = 1_000;

/** Milliseconds after which a silence tells nothing any longer: nobody has asked since. */
const SILENCE_TELLS_MS = 30_000;

/** In the place of what was deleted, so that a load that began before cannot bring it back. */
const DELETED = 'deleted';
/** Milliseconds: longer than any load takes. */
const DELETED_FOR_MS = 60_000;
/** Deletions that wait for Redis to come back. */
const MAX_PENDING = 10_000;

/** Writes unless the key was deleted a moment ago. */
const SET_UNLESS_DELETED = `
if redis.call('get', KEYS[1]) == ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
return 1`;

export type RedisFault = 'unreachable' | 'refused' | 'corrupt';

/** One Redis as the second level of all caches of this process: a fault that one of them meets spares the others. */
export function createRedisLevel(redis: Redis, onFault: (fault: RedisFault) => void) {
  const breaker = circuitBreaker(
    // An error that Redis itself answers (out of memory, another type) says that it is there.
    handleWhen((error) => !(error instanceof ReplyError)),
    { halfOpenAfter: LEFT_ALONE_MS, breaker: new ConsecutiveBreaker(1) },
  );
  let silentAt = Number.NEGATIVE_INFINITY;
  breaker.onBreak(() => {
    silentAt = performance.now();
  });
  const patience = timeout(ANSWER_WITHIN_MS, TimeoutStrategy.Aggressive);
  const policy = wrap(breaker, patience);
  const pending = new Set<string>();

  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await policy.execute(work);
    } catch (error) {
      if (!isBrokenCircuitError(error)) onFault(error instanceof ReplyError ? 'refused' : 'unreachable');
      return undefined;
    }
  };

  const markDeleted = (key: string) =>
    redis.set(key, DELETED, 'PX', DELETED_FOR_MS).catch((error) => {
      // A Redis that is full takes no mark, and still takes away.
      if (error instanceof ReplyError) return redis.unlink(key);
      throw error;
    });

  // A Redis that was cut off still has what was deleted meanwhile. At once, and before the bus tells of it anew: who
  // is told must not read it again.
  const deletePending = () => {
    for (const key of pending) {
      markDeleted(key).then(
        () => pending.delete(key),
        () => {},
      );
    }
  };
  redis.on('ready', deletePending);

  /** Never rejects: what cannot be read is not there, and what cannot be written is loaded again. */
  class RedisLevel extends RedisDriver {
    override async get(key: string): Promise<string | undefined> {
      const itemKey = this.getItemKey(key);
      if (pending.has(itemKey)) return undefined;
      const sealed = await attempt(() => redis.get(itemKey));
      if (typeof sealed !== 'string' || sealed === DELETED) return undefined;
      const text = unseal(sealed);
      if (text === undefined) onFault('corrupt');
      return text;
    }

    override async set(key: string, text: string, ttlMs: number): Promise<boolean> {
      const arguments_ = [this.getItemKey(key), DELETED, seal(text), ttlMs] as const;
      return (await attempt(() => redis.eval(SET_UNLESS_DELETED, 1, ...arguments_))) === 1;
    }

    override async delete(key: string): Promise<boolean> {
      const itemKey = this.getItemKey(key);
      // Past the breaker: a read may be given up, a deletion may not. It is waited for no longer than a read.
      const marking = markDeleted(itemKey).then(
        () => true,
        () => {
          if (pending.size < MAX_PENDING) pending.add(itemKey);
          return false;
        },
      );
      return patience.execute(() => marking).catch(() => false);
    }

    /** The connection belongs to whoever made it. */
    override async disconnect(): Promise<void> {}
  }

  return {
    open: (prefix: string) => new RedisLevel({ prefix, connection: redis }),
    isAvailable: () =>
      redis.status === 'ready' &&
      (breaker.state === CircuitState.Closed || performance.now() - silentAt > SILENCE_TELLS_MS),
    close: () => void redis.off('ready', deletePending),
  };
}

export type RedisLevel = ReturnType<typeof createRedisLevel>;

/** A checksum in front: what is truncated, overwritten or not ours is told from an entry before it is parsed. */
function seal(text: string): string {
  return `${checksum(text)}:${text}`;
}

function unseal(sealed: string): string | undefined {
  const text = sealed.slice(9);
  return sealed[8] === ':' && sealed.startsWith(checksum(text)) ? text : undefined;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
