import { Redis } from 'ioredis';

/** Why a command was sent, told by its key or channel. The first that fits. */
const CAUSES: readonly (readonly [cause: string, key: RegExp])[] = [
  ['queue', /^bull:/],
  ['deltas told', /^meari:session:.*:deltas$/],
  ['events told', /^meari:session:/],
  ['model limiter', /^meari:\{llm\}/],
  ['limit on creating', /^meari:rate/],
  ['caches', /^meari:cache/],
];

export interface RedisCounts {
  /** Sent by processes, by cause. */
  readonly sent: ReadonlyMap<string, number>;
  /** What the scripts among them made Redis do. */
  readonly insideScripts: number;
}

/** Counts what Redis is sent while it is watched; that slows Redis down, so nothing is timed meanwhile. */
export async function countRedisCommands(url: string) {
  const redis = new Redis(url);
  const monitor = await redis.monitor();
  const sent = new Map<string, number>();
  let insideScripts = 0;
  monitor.on('monitor', (_time: string, args: readonly string[], source: string) => {
    if (source === 'lua') {
      insideScripts += 1;
      return;
    }
    const cause = causeOf(args);
    sent.set(cause, (sent.get(cause) ?? 0) + 1);
  });
  return {
    counts: (): RedisCounts => ({ sent, insideScripts }),
    [Symbol.dispose]() {
      monitor.disconnect();
      redis.disconnect();
    },
  };
}

function causeOf([command = '', first = '', , third = '']: readonly string[]): string {
  const name = command.toLowerCase();
  if (/^s?(un)?subscribe$/.test(name)) return 'subscriptions';
  // A script, the number of its keys, and its keys.
  const key = /^eval(sha)?$/.test(name) ? third : first;
  return CAUSES.find(([, pattern]) => pattern.test(key))?.[0] ?? 'others';
}
