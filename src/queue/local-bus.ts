import type { BusMessage, SessionBus } from '../domain/ports.ts';

type Listener = (message: BusMessage) => void;

/** In this process. */
export function createLocalBus(): SessionBus {
  const listeners = new Map<string, Set<Listener>>();
  return {
    publish(sessionId, message) {
      for (const listener of listeners.get(sessionId) ?? []) listener(message);
    },

    async subscribe(sessionId, listener) {
      const subscribed = listeners.get(sessionId) ?? new Set();
      listeners.set(sessionId, subscribed.add(listener));
      return () => {
        subscribed.delete(listener);
        if (subscribed.size === 0) listeners.delete(sessionId);
      };
    },

    isHealthy: () => true,
    async close() {
      listeners.clear();
    },
  };
}
