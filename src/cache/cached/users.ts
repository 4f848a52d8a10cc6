import type { UserRepository } from '../../domain/ports.ts';
import type { CachedLogin } from '../caches.ts';
import type { NamedCache } from '../named-cache.ts';

/** Logins come with every request: one in a minute is read. A logout ends them in every process. */
export function cachedUsers(
  users: UserRepository,
  logins: NamedCache<CachedLogin | undefined>,
): UserRepository {
  return {
    createGuest: users.createGuest,
    find: users.find,

    async findLogin(tokenHash, now) {
      const login = await logins.get([tokenHash], async () => {
        const found = await users.findLogin(tokenHash, now);
        return found && { userId: found.userId, expiresAt: found.expiresAt.getTime() };
      });
      if (!login || login.expiresAt <= now.getTime()) return undefined;
      return { userId: login.userId, expiresAt: new Date(login.expiresAt) };
    },

    async extendLogin(tokenHash, expiresAt) {
      await users.extendLogin(tokenHash, expiresAt);
      await logins.delete([tokenHash]);
    },

    async deleteLogin(tokenHash) {
      try {
        await users.deleteLogin(tokenHash);
      } finally {
        // Also when the answer was lost on the way: the login may be gone.
        await logins.delete([tokenHash]);
      }
    },
  };
}
