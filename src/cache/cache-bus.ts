import { randomUUID } from 'node:crypto';
import type { CacheBusMessage, BusDriver as Transport } from 'bentocache/types';
import type { Redis } from 'ioredis';
import { z } from 'zod';

/** Milliseconds between two signs of life of the subscription. */
const HEARTBEAT_MS = 1_000;
/** Messages that wait for Redis to come back. */
const MAX_UNSENT = 10_000;

/** Anybody may publish on a Redis: what is not of this form is not for us. */
const envelopeSchema = z.object({
  origin: z.string(),
  payload: z.object({ type: z.string(), keys: z.array(z.string()), namespace: z.string() }),
});

type Envelope = z.infer<typeof envelopeSchema>;

export interface CacheBusOptions {
  readonly publisher: Redis;
  /** Of this bus alone. */
  readonly subscriber: Redis;
  /** Messages may have been missed, and are heard again from now on. */
  readonly onRestored: () => void;
}

export type CacheBus = ReturnType<typeof createCacheBus>;

/**
 * Tells the first levels of other processes what is deleted. Nobody waits for it, and what Redis did not take is sent
 * again; `isHealthy` says when something may be missed here, so that who must not miss it asks for the truth meanwhile.
 */
export function createCacheBus({ publisher, subscriber, onRestored }: CacheBusOptions) {
  const origin = randomUUID();
  const listeners = new Map<string, (message: CacheBusMessage) => void>();
  let hears = false;
  let awaitsAnswer = false;

  subscriber.on('message', (channel: string, text: string) => {
    const envelope = readEnvelope(text);
    if (envelope && envelope.origin !== origin) listeners.get(channel)?.(envelope.payload);
  });

  const subscribe = async (): Promise<void> => {
    await subscriber.subscribe(...listeners.keys());
    hears = true;
    onRestored();
  };
  const goDeaf = () => {
    hears = false;
  };
  subscriber.on('ready', () => {
    if (listeners.size > 0) subscribe().catch(goDeaf);
  });
  subscriber.on('close', goDeaf);

  // A server that hangs keeps its connections: silence is only told from nothing to say by asking.
  const heartbeat = setInterval(async () => {
    if (subscriber.status !== 'ready') return;
    if (awaitsAnswer) return goDeaf();
    awaitsAnswer = true;
    try {
      await subscriber.ping();
      if (!hears) await subscribe();
    } catch {
      goDeaf();
    } finally {
      awaitsAnswer = false;
    }
  }, HEARTBEAT_MS).unref();

  const unsent = new Map<string, string>();
  const send = (channel: string, text: string): void => {
    publisher.publish(channel, text).then(
      () => unsent.delete(text),
      () => {
        if (unsent.size < MAX_UNSENT) unsent.set(text, channel);
      },
    );
  };
  const sendAgain = () => unsent.forEach(send);
  publisher.on('ready', sendAgain);

  const transport: Transport = {
    setId: () => transport,
    onReconnect() {},
    async publish(channel, message) {
      const envelope = { origin, payload: message as CacheBusMessage };
      send(channelOf(channel), JSON.stringify(envelope));
    },
    async subscribe(channel, listener) {
      listeners.set(channelOf(channel), listener as unknown as (message: CacheBusMessage) => void);
      if (subscriber.status === 'ready') subscribe().catch(goDeaf);
    },
    async unsubscribe(channel) {
      listeners.delete(channelOf(channel));
    },
    async disconnect() {},
  };

  return {
    transport,
    /** False while deletions of other processes may be missing, and before the first subscription. */
    isHealthy: () => hears && publisher.status === 'ready',
    close() {
      clearInterval(heartbeat);
      publisher.off('ready', sendAgain);
      listeners.clear();
    },
  };
}

/** bentocache's own names are those of any application that uses it. */
function channelOf(name: string): string {
  return `meari:cache:${name}`;
}

function readEnvelope(text: string): Envelope | undefined {
  try {
    return envelopeSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
