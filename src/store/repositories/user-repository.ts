import type { User, UserRepository } from '../../domain/ports.ts';
import type { Database } from '../database.ts';

interface LoginRow {
  id: string;
  nickname: string;
  onboarded_at: Date | null;
  expires_at: Date;
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

    async findByToken(tokenHash, now) {
      const row = await database<LoginRow>('login_sessions as l')
        .join('users as u', 'u.id', 'l.user_id')
        .where('l.token_hash', tokenHash)
        .where('l.expires_at', '>', now)
        .first<LoginRow | undefined>('u.id', 'u.nickname', 'u.onboarded_at', 'l.expires_at');
      return row && { user: toUser(row), expiresAt: row.expires_at };
    },

    async extendLogin(tokenHash, expiresAt) {
      await database('login_sessions').where('token_hash', tokenHash).update({ expires_at: expiresAt });
    },

    async deleteLogin(tokenHash) {
      await database('login_sessions').where('token_hash', tokenHash).delete();
    },
  };
}

function toUser({ id, nickname, onboarded_at }: LoginRow): User {
  return { id, nickname, onboardingCompleted: onboarded_at !== null };
}
