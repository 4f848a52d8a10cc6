import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { BusMessage, SessionBus } from '../domain/ports.ts';
import { createLocalBus } from './local-bus.ts';
import { REDIS_TIMEOUT_MS } from './redis.ts';

interface Envelope {
  readonly origin: string;
  readonly message: BusMessage;
}

export interface RedisBusOptions {
  readonly publisher: Redis;
  readonly subscriber: Redis;
}

/**
 * A channel for each session that somebody here follows. Followers in this process are told directly, also while
 * Redis is away; what other processes publish meanwhile is missing, and `isHealthy` says so.
 */
export function createRedisBus({ publisher, subscriber }: RedisBusOptions): SessionBus {
  const origin = randomUUID();
  const local = createLocalBus();
  const followers = new Map<string, number>();
  const channelOf = (sessionId: string) => `meari:session:${sessionId}`;

  subscriber.on('message', (channel: string, text: string) => {
    const { origin: from, message } = JSON.parse(text) as Envelope;
    if (from !== origin) local.publish(channel.slice(channelOf('').length), message);
  });

  return {
    publish(sessionId, message) {
      local.publish(sessionId, message);
      const envelope: Envelope = { origin, message };
      publisher.publish(channelOf(sessionId), JSON.stringify(envelope)).catch(() => {});
    },

    async subscribe(sessionId, listener) {
      const endLocal = await local.subscribe(sessionId, listener);
      const count = followers.get(sessionId) ?? 0;
      followers.set(sessionId, count + 1);
      if (count === 0) await inTime(subscriber.subscribe(channelOf(sessionId)));
      return () => {
        endLocal();
        const left = (followers.get(sessionId) ?? 1) - 1;
        if (left > 0) followers.set(sessionId, left);
        else {
          followers.delete(sessionId);
          subscriber.unsubscribe(channelOf(sessionId)).catch(() => {});
        }
      };
    },

    isHealthy: () => publisher.status === 'ready' && subscriber.status === 'ready',
    close: () => local.close(),
  };
}

/** A subscription that Redis does not confirm in time is made all the same, once it can be: the rows fill the gap. */
async function inTime(subscribing: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, REDIS_TIMEOUT_MS);
  });
  await Promise.race([subscribing.then(() => {}).catch(() => {}), timeout]);
  clearTimeout(timer);
}
