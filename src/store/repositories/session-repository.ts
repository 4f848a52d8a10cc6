import type {
  AcceptLimits,
  NewSession,
  SessionHead,
  SessionRepository,
  SessionSnapshot,
} from '../../domain/ports.ts';
import type { FinishedSession, Quote, SessionStatus } from '../../domain/session.ts';
import type { FailureReason } from '../../domain/session-events.ts';
import type { Database } from '../database.ts';
import { type CardRow, SESSION_COLUMNS, type SessionRow, toFinishedSession } from './session-rows.ts';

/** Recent sessions whose quotes are not shown again: four are twelve quotes, and a tag has more than that. */
const REMEMBERED_SESSIONS = 4;

/** In the text, and not as a parameter: a prepared statement can use a partial index only then. */
const COMPLETED = `s.status = 'completed'`;

export function createSessionRepository(database: Database): SessionRepository {
  const sessionsWithPersona = () =>
    database('meari_sessions as s').leftJoin('personas as p', 'p.session_id', 's.id').select(SESSION_COLUMNS);

  const cardsOf = (sessionIds: readonly string[]): Promise<CardRow[]> =>
    database<CardRow>('cards')
      .select('session_id', 'kind', 'body')
      .whereRaw('session_id = any(?::uuid[])', [[...sessionIds]])
      .orderBy(['session_id', 'kind', 'position']);

  async function snapshot(row: SessionRow | undefined): Promise<SessionSnapshot | undefined> {
    if (!row) return undefined;
    return {
      id: row.id,
      status: row.status as SessionStatus,
      crisis: row.crisis,
      requestDigest: row.request_digest,
      startedAt: row.started_at,
      failureReason: row.failure_reason as FailureReason | null,
      finished: row.status === 'completed' ? toFinishedSession(row, await cardsOf([row.id])) : undefined,
    };
  }

  async function insertWithin(session: NewSession, limits: AcceptLimits): Promise<boolean> {
    return database.transaction(async (trx) => {
      // One request of a user at a time, so that the count below holds for requests at the same moment.
      await trx('users').where('id', session.userId).select('id').forNoKeyUpdate();
      const { rowCount } = await trx.raw(
        `insert into meari_sessions
           (id, user_id, tag_id, user_context, status, crisis, idempotency_key, request_digest, traceparent, created_at)
         select :id, :userId, :tagId, :userContext, 'queued', :crisis, :key, :digest, :traceparent, :now
         where (select count(*) from meari_sessions
                where user_id = :userId and status in ('queued', 'processing')) < :perUser
           and (select count(*) from
                 (select 1 from meari_sessions where status = 'queued' limit :queued) as waiting) < :queued
         on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing`,
        {
          id: session.id,
          userId: session.userId,
          tagId: session.topic.tagId,
          userContext: session.topic.userContext,
          crisis: session.crisis,
          key: session.idempotency?.key ?? null,
          digest: session.idempotency?.requestDigest ?? null,
          traceparent: session.traceparent ?? null,
          now: session.now,
          perUser: limits.unfinishedPerUser,
          queued: limits.queued,
        },
      );
      return rowCount === 1;
    });
  }

  return {
    async accept(session, limits) {
      if (await insertWithin(session, limits)) return 'accepted';
      // Refused: which of the three reasons it was takes a second look.
      const { rows } = await database.raw<{ rows: { same_key: boolean; unfinished: number }[] }>(
        `select
           exists (select 1 from meari_sessions where user_id = :userId and idempotency_key = :key) as same_key,
           (select count(*)::int from meari_sessions
            where user_id = :userId and status in ('queued', 'processing')) as unfinished`,
        { userId: session.userId, key: session.idempotency?.key ?? null },
      );
      const [refused = { same_key: false, unfinished: 0 }] = rows;
      if (refused.same_key) return 'same_key';
      return refused.unfinished >= limits.unfinishedPerUser ? 'user_busy' : 'queue_full';
    },

    async find(userId, sessionId) {
      return snapshot(await sessionsWithPersona().where({ 's.user_id': userId, 's.id': sessionId }).first());
    },

    async findByIdempotencyKey(userId, key) {
      return database('meari_sessions')
        .where({ user_id: userId, idempotency_key: key })
        .first<SessionHead | undefined>('id', 'status', 'crisis', {
          requestDigest: 'request_digest',
          startedAt: 'started_at',
        });
    },

    async steps(sessionId) {
      return database('session_steps')
        .select('name', 'output', { durationMs: 'duration_ms' })
        .where('session_id', sessionId)
        .orderBy('position');
    },

    async versions(sessionIds) {
      const rows: { id: string; version: string }[] = await database('meari_sessions as s')
        .whereRaw('s.id = any(?::uuid[])', [[...sessionIds]])
        .select('s.id', {
          version: database.raw(
            `s.status || (select count(*) from session_steps as t where t.session_id = s.id)::text`,
          ),
        });
      return new Map(rows.map(({ id, version }) => [id, version]));
    },

    async queuedBefore(sessionId) {
      const row = await database('meari_sessions')
        .whereRaw(`status = 'queued'`)
        .where('id', '<', sessionId)
        .count()
        .first();
      return Number(row?.count ?? 0);
    },

    async list(userId, limit, before) {
      const rows: SessionRow[] = await sessionsWithPersona()
        .where('s.user_id', userId)
        .whereRaw(COMPLETED)
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
        .where('s.user_id', userId)
        .whereRaw(COMPLETED)
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

    async delete(userId, sessionId) {
      return (await database('meari_sessions').where({ user_id: userId, id: sessionId }).delete()) === 1;
    },
  };
}
