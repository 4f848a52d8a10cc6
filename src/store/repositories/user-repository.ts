import type { Login, User, UserRepository } from '../../domain/ports.ts';
import type { Database } from '../database.ts';

interface UserRow {
  id: string;
  nickname: string;
  onboarded_at: Date | null;
}

export function createUserRepository(database: Database): UserRepository {
  return {
    async createGuest({ id, nickname, tokenHash, expiresAt }) {
      await database.transaction(async (trx) => {
        await trx('users').insert({ id, nickname });
        await trx('login_sessions').insert({ token_hash: tokenHash, user_id: id, expires_at: expiresAt });
      });
      return { id, nickname, onboardingCompleted: false };
    },

    async find(userId) {
      const row = await database<UserRow>('users')
        .where('id', userId)
        .first<UserRow | undefined>('id', 'nickname', 'onboarded_at');
      return row && toUser(row);
    },

    async findLogin(tokenHash, now) {
      return database('login_sessions')
        .where('token_hash', tokenHash)
        .where('expires_at', '>', now)
        .first<Login | undefined>({ userId: 'user_id', expiresAt: 'expires_at' });
    },

    async extendLogin(tokenHash, expiresAt) {
      await database('login_sessions').where('token_hash', tokenHash).update({ expires_at: expiresAt });
    },

    async deleteLogin(tokenHash) {
      await database('login_sessions').where('token_hash', tokenHash).delete();
    },
  };
}

function toUser({ id, nickname, onboarded_at }: UserRow): User {
  return { id, nickname, onboardingCompleted: onboarded_at !== null };
}
