import type { NewSession, SessionRepository, SessionSnapshot, StepRecord } from '../../domain/ports.ts';
import type { FinishedSession, Quote, SessionStatus } from '../../domain/session.ts';
import type { Database } from '../database.ts';
import {
  type CardRow,
  cardRows,
  SESSION_COLUMNS,
  type SessionRow,
  toFinishedSession,
} from './session-rows.ts';

/** Recent sessions whose quotes are not shown again: four are twelve quotes, and a tag has more than that. */
const REMEMBERED_SESSIONS = 4;

export function createSessionRepository(database: Database): SessionRepository {
  const sessionsWithPersona = () =>
    database('meari_sessions as s').leftJoin('personas as p', 'p.session_id', 's.id').select(SESSION_COLUMNS);

  const cardsOf = (sessionIds: readonly string[]): Promise<CardRow[]> =>
    database<CardRow>('cards')
      .select('session_id', 'kind', 'body')
      .whereIn('session_id', sessionIds)
      .orderBy(['session_id', 'kind', 'position']);

  async function snapshot(row: SessionRow | undefined): Promise<SessionSnapshot | undefined> {
    if (!row) return undefined;
    const finished = row.status === 'completed' ? toFinishedSession(row, await cardsOf([row.id])) : undefined;
    return { id: row.id, status: row.status as SessionStatus, requestDigest: row.request_digest, finished };
  }

  return {
    async insert({ id, userId, topic, crisis, idempotency, now }: NewSession) {
      const inserted = await database('meari_sessions')
        .insert({
          id,
          user_id: userId,
          tag_id: topic.tagId,
          user_context: topic.userContext,
          status: 'processing',
          crisis,
          idempotency_key: idempotency?.key ?? null,
          request_digest: idempotency?.requestDigest ?? null,
          created_at: now,
        })
        .onConflict(database.raw('(user_id, idempotency_key) where idempotency_key is not null'))
        .ignore()
        .returning('id');
      return inserted.length === 1;
    },

    async find(userId, sessionId) {
      return snapshot(await sessionsWithPersona().where({ 's.user_id': userId, 's.id': sessionId }).first());
    },

    async findByIdempotencyKey(userId, key) {
      return snapshot(
        await sessionsWithPersona().where({ 's.user_id': userId, 's.idempotency_key': key }).first(),
      );
    },

    async steps(sessionId) {
      const rows = await database('session_steps')
        .select('name', 'duration_ms')
        .where('session_id', sessionId);
      return rows.map(({ name, duration_ms }): StepRecord => ({ name, durationMs: duration_ms }));
    },

    async list(userId, limit, before) {
      const rows: SessionRow[] = await sessionsWithPersona()
        .where({ 's.user_id': userId, 's.status': 'completed' })
        .modify((query) => {
          if (before !== undefined) query.where('s.id', '<', before);
        })
        .orderBy('s.id', 'desc')
        .limit(limit);
      const cards = await cardsOf(rows.map(({ id }) => id));
      const cardsBySession = Map.groupBy(cards, ({ session_id }) => session_id);
      return rows.map((row): FinishedSession => toFinishedSession(row, cardsBySession.get(row.id) ?? []));
    },

    async history(userId) {
      const rows = await database('meari_sessions as s')
        .join('personas as p', 'p.session_id', 's.id')
        .where({ 's.user_id': userId, 's.status': 'completed' })
        .orderBy('s.id', 'desc')
        .limit(REMEMBERED_SESSIONS)
        .select('p.summary', 's.empathy_summary');
      return {
        lastPersona: rows[0]?.summary ?? null,
        shownQuotes: rows.flatMap(({ empathy_summary }) =>
          empathy_summary.quotes_used.map(({ text }: Quote) => text),
        ),
      };
    },

    async recordStep(sessionId, { name, durationMs }) {
      // From the session's row, so that a session deleted meanwhile is no error.
      await database.raw(
        `insert into session_steps (session_id, name, duration_ms)
         select id, :name, :durationMs from meari_sessions where id = :sessionId`,
        { sessionId, name, durationMs },
      );
    },

    async complete(sessionId, { persona, empathy, reflection, degraded, completedAt }) {
      await database.transaction(async (trx) => {
        const updated = await trx('meari_sessions')
          .where({ id: sessionId, status: 'processing' })
          .update({
            status: 'completed',
            degraded,
            completed_at: completedAt,
            empathy_summary: JSON.stringify({
              title: empathy.title,
              emotion_keywords: empathy.emotion_keywords,
              quotes_used: empathy.quotes_used,
            }),
            reflection_summary: JSON.stringify({
              title: reflection.title,
              key_message: reflection.key_message,
              insights: reflection.insights,
            }),
          })
          .returning('user_id');
        const [session] = updated;
        // Deleted by its owner meanwhile: there is nothing to keep.
        if (!session) return;
        await trx('cards').insert(cardRows(sessionId, empathy, reflection));
        await trx('personas').insert({ session_id: sessionId, ...persona });
        await trx('users')
          .where('id', session.user_id)
          .whereNull('onboarded_at')
          .update({ onboarded_at: completedAt });
      });
    },

    async fail(sessionId) {
      await database('meari_sessions')
        .where({ id: sessionId, status: 'processing' })
        .update({ status: 'failed' });
    },

    async delete(userId, sessionId) {
      return (await database('meari_sessions').where({ user_id: userId, id: sessionId }).delete()) === 1;
    },
  };
}
