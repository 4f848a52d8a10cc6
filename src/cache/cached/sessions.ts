import type { SessionRepository, SessionSnapshot } from '../../domain/ports.ts';
import type { CachedSnapshot } from '../caches.ts';
import type { NamedCache } from '../named-cache.ts';

/** Finished sessions never change: they are read once, until their owner deletes them. */
export function cachedSessions(
  sessions: SessionRepository,
  snapshots: NamedCache<CachedSnapshot | undefined>,
): SessionRepository {
  return {
    ...sessions,

    async find(userId, sessionId) {
      const snapshot = await snapshots.get([userId, sessionId], async () => {
        const found = await sessions.find(userId, sessionId);
        return found && { ...found, startedAt: found.startedAt?.toISOString() ?? null };
      });
      return snapshot && toSnapshot(snapshot);
    },

    async delete(userId, sessionId) {
      try {
        return await sessions.delete(userId, sessionId);
      } finally {
        // Also when there was none: an earlier deletion may have been cut off between the database and here.
        await snapshots.delete([userId, sessionId]);
      }
    },
  };
}

function toSnapshot(snapshot: CachedSnapshot): SessionSnapshot {
  const { startedAt } = snapshot;
  return { ...snapshot, startedAt: startedAt === null ? null : new Date(startedAt) };
}
