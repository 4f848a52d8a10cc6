import { Redis } from 'ioredis';

/** Milliseconds of processor time that Redis has taken so far. */
export async function redisProcessorMs(url: string): Promise<number> {
  const text = await once(url, (redis) => redis.info('cpu'));
  const seconds = (field: string) => Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(text)?.[1]);
  return 1000 * (seconds('used_cpu_user') + seconds('used_cpu_sys'));
}

/** Bytes of all entries whose key fits, as Redis holds them. */
export async function redisMemory(url: string, keys: RegExp): Promise<number> {
  return once(url, async (redis) => {
    const sizes = (await redis.keys('*'))
      .filter((key) => keys.test(key))
      .map((key) => redis.memory('USAGE', key, 'SAMPLES', 0));
    return (await Promise.all(sizes)).reduce<number>((total, size) => total + Number(size ?? 0), 0);
  });
}

/** Channels that somebody follows. */
export async function redisSubscriptions(url: string): Promise<number> {
  return once(
    url,
    async (redis) => ((await redis.pubsub('CHANNELS', 'meari:session:*')) as unknown[]).length,
  );
}

async function once<T>(url: string, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}
