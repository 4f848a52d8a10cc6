import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { BusMessage, SessionBus } from '../domain/ports.ts';
import { createLocalBus } from './local-bus.ts';

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
  const followed = new Map<string, { followers: number; subscribed: Promise<unknown> }>();
  const channelOf = (sessionId: string) => `meari:session:${sessionId}`;
  const isHealthy = () => publisher.status === 'ready' && subscriber.status === 'ready';

  subscriber.on('message', (channel: string, text: string) => {
    const { origin: from, message } = JSON.parse(text) as Envelope;
    if (from !== origin) local.publish(channel.slice(channelOf('').length), message);
  });
  // What was followed while Redis was away.
  subscriber.on('ready', () => {
    const channels = [...followed.keys()].map(channelOf);
    if (channels.length > 0) subscriber.subscribe(...channels).catch(() => {});
  });

  return {
    publish(sessionId, message) {
      local.publish(sessionId, message);
      const envelope: Envelope = { origin, message };
      publisher.publish(channelOf(sessionId), JSON.stringify(envelope)).catch(() => {});
    },

    async subscribe(sessionId, listener) {
      const endLocal = await local.subscribe(sessionId, listener);
      const entry = followed.get(sessionId) ?? {
        followers: 0,
        subscribed: subscriber.subscribe(channelOf(sessionId)).catch(() => {}),
      };
      entry.followers += 1;
      followed.set(sessionId, entry);
      if (isHealthy()) await inTime(entry.subscribed);
      return () => {
        endLocal();
        entry.followers -= 1;
        if (entry.followers > 0) return;
        followed.delete(sessionId);
        subscriber.unsubscribe(channelOf(sessionId)).catch(() => {});
      };
    },

    isHealthy,
    close: () => local.close(),
  };
}

/** Milliseconds. A healthy Redis confirms a subscription in one or two. */
const SUBSCRIBE_TIMEOUT_MS = 100;

/** A subscription that Redis does not confirm in time is made all the same, once it can be: the rows fill the gap. */
async function inTime(subscribing: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, SUBSCRIBE_TIMEOUT_MS);
  });
  await Promise.race([subscribing, timeout]);
  clearTimeout(timer);
}
