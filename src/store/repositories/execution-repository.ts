import type { ExecutionRepository, ForgottenSession, Lease } from '../../domain/ports.ts';
import type { Database } from '../database.ts';
import { cardsOf } from './session-rows.ts';

/** Finished sessions that the typical duration is taken from. */
const RECENT_SESSIONS = 50;

interface ClaimedRow {
  user_id: string;
  tag_id: number;
  user_context: string | null;
  fence: number;
  attempts: number;
  created_at: Date;
  traceparent: string | null;
}

/**
 * Lease and fencing as in Kleppmann, "How to do distributed locking" (2016): the lease may lapse while its holder
 * sleeps, so every write also checks the fencing number. All times are the database's own: clocks of machines differ.
 */
export function createExecutionRepository(database: Database): ExecutionRepository {
  /** `where` of a write by the holder: locks the row, so that no claim can pass between check and write. */
  const held = ({ sessionId, fence }: Lease) => ({ id: sessionId, fence, status: 'processing' });
  const inMs = (ms: number) => database.raw(`now() + ? * interval '1 millisecond'`, [ms]);

  return {
    async claim(sessionId, owner, leaseMs) {
      const [row]: ClaimedRow[] = await database('meari_sessions')
        .where('id', sessionId)
        .where((free) =>
          free
            .where('status', 'queued')
            .orWhere((lapsed) =>
              lapsed.where('status', 'processing').where('lease_expires_at', '<', database.fn.now()),
            ),
        )
        .update({
          status: 'processing',
          lease_owner: owner,
          lease_expires_at: inMs(leaseMs),
          fence: database.raw('fence + 1'),
          attempts: database.raw('attempts + 1'),
          started_at: database.raw('coalesce(started_at, now())'),
        })
        .returning(['user_id', 'tag_id', 'user_context', 'fence', 'attempts', 'created_at', 'traceparent']);
      if (!row) return undefined;
      const finished =
        // The fence, not the attempts: a run that gave its lease back does not count as one, and may have finished steps.
        row.fence === 1
          ? []
          : await database('session_steps')
              .select('name', 'output')
              .where('session_id', sessionId)
              .orderBy('position');
      return {
        lease: { sessionId, fence: row.fence },
        userId: row.user_id,
        topic: { tagId: row.tag_id, userContext: row.user_context },
        attempt: row.attempts,
        acceptedAt: row.created_at,
        traceparent: row.traceparent ?? undefined,
        finished,
      };
    },

    async renew(lease, leaseMs) {
      const renewed = await database('meari_sessions')
        .where(held(lease))
        .update({ lease_expires_at: inMs(leaseMs) });
      return renewed === 1;
    },

    async checkpoint({ sessionId, fence }, { name, durationMs }, output) {
      const { rowCount } = await database.raw(
        `with held as (
           select id from meari_sessions where id = :sessionId and fence = :fence for no key update
         )
         insert into session_steps (session_id, name, duration_ms, output)
         select id, :name, :durationMs, :output from held
         on conflict (session_id, name) do update set duration_ms = excluded.duration_ms`,
        { sessionId, fence, name, durationMs, output: output === undefined ? null : JSON.stringify(output) },
      );
      return rowCount === 1;
    },

    async complete({ sessionId, fence }, { persona, empathy, reflection, degraded, completedAt }) {
      const cards = cardsOf(empathy, reflection);
      // One statement is a transaction of its own, and one round trip in the place of six.
      const { rowCount } = await database.raw(
        `with session as (
           update meari_sessions set
             status = 'completed', degraded = :degraded, completed_at = :completedAt,
             lease_owner = null, lease_expires_at = null,
             empathy_summary = :empathySummary, reflection_summary = :reflectionSummary
           where id = :sessionId and fence = :fence and status = 'processing'
           returning id, user_id
         ), onboarded as (
           update users set onboarded_at = :completedAt from session
           where users.id = session.user_id and users.onboarded_at is null
         ), dealt as (
           insert into cards (session_id, kind, position, body)
           select session.id, card.kind, card.position, card.body
           from session, unnest(
             cast(:kinds as text[]), cast(:positions as smallint[]), cast(:bodies as json[])
           ) as card (kind, position, body)
         )
         insert into personas
           (session_id, depth, depth_label, summary, characteristics, needs, growth_direction)
         select id, :depth, :depthLabel, :summary, :characteristics, :personaNeeds, :growthDirection from session`,
        {
          sessionId,
          fence,
          degraded,
          completedAt,
          empathySummary: JSON.stringify({
            title: empathy.title,
            emotion_keywords: empathy.emotion_keywords,
            quotes_used: empathy.quotes_used,
          }),
          reflectionSummary: JSON.stringify({
            title: reflection.title,
            key_message: reflection.key_message,
            insights: reflection.insights,
          }),
          kinds: cards.map(({ kind }) => kind),
          positions: cards.map(({ position }) => position),
          bodies: cards.map(({ body }) => JSON.stringify(body)),
          depth: persona.depth,
          depthLabel: persona.depth_label,
          summary: persona.summary,
          characteristics: persona.characteristics,
          personaNeeds: persona.needs,
          growthDirection: persona.growth_direction,
        },
      );
      if (rowCount === 1) return true;
      // The same run may ask twice: the answer to its first commit was lost on the way.
      const completed = { id: sessionId, fence, status: 'completed' };
      return (await database('meari_sessions').where(completed).first('id')) !== undefined;
    },

    async fail(lease, reason) {
      const failed = await database('meari_sessions')
        .where(held(lease))
        .update({ status: 'failed', failure_reason: reason, lease_owner: null, lease_expires_at: null });
      return failed === 1;
    },

    async release(lease, { countsAsAttempt }) {
      const released = await database('meari_sessions')
        .where(held(lease))
        .update({
          status: 'queued',
          lease_owner: null,
          lease_expires_at: null,
          attempts: database.raw('attempts - ?', [countsAsAttempt ? 0 : 1]),
          // In no queue, so that the next look of a recovery takes it; after a fault, only after a while.
          offered_at: countsAsAttempt ? database.fn.now() : database.raw(`'-infinity'`),
        });
      return released === 1;
    },

    async takeForgotten(limit, offeredSeconds) {
      const { rows } = await database.raw<{ rows: (ForgottenSession & { traceparent: string | null })[] }>(
        `update meari_sessions set offered_at = now()
         where id in (
           select id from meari_sessions
           where (status = 'queued' or (status = 'processing' and lease_expires_at < now()))
             and offered_at <= now() - :offeredSeconds * interval '1 second'
           order by id limit :limit
           for update skip locked
         )
         returning id, fence, traceparent, case status when 'queued' then 'queued' else 'abandoned' end as kind`,
        { offeredSeconds, limit },
      );
      return rows.map((row) => ({ ...row, traceparent: row.traceparent ?? undefined }));
    },

    async failExhausted(maxAttempts) {
      const failed = await database('meari_sessions')
        .where('attempts', '>=', maxAttempts)
        .whereRaw(`(status = 'queued' or (status = 'processing' and lease_expires_at < now()))`)
        .update({
          status: 'failed',
          // Voids the last lease: its holder may only be asleep.
          fence: database.raw('fence + 1'),
          failure_reason: 'attempts_exhausted',
          lease_owner: null,
          lease_expires_at: null,
        })
        .returning('id');
      return failed.map(({ id }) => id);
    },

    async load() {
      const { rows } = await database.raw<{
        rows: {
          queued: number;
          running: number;
          oldest_queued_seconds: number;
          oldest_processing_seconds: number;
          typical_ms: number | null;
        }[];
      }>(
        `select
           (select count(*)::int from meari_sessions where status = 'queued') as queued,
           (select count(*)::int from meari_sessions where status = 'processing' and lease_expires_at > now()) as running,
           -- Ids grow with time: the first one is the oldest.
           coalesce(greatest(0, extract(epoch from now() - (
             select created_at from meari_sessions where status = 'queued' order by id limit 1
           ))), 0)::float8 as oldest_queued_seconds,
           coalesce(greatest(0, extract(epoch from now() - (
             select min(created_at) from meari_sessions where status = 'processing'
           ))), 0)::float8 as oldest_processing_seconds,
           (select percentile_cont(0.5) within group (order by ms) from (
              select extract(epoch from completed_at - started_at) * 1000 as ms from meari_sessions
              where status = 'completed' order by completed_at desc limit :recent
            ) as recent)::float8 as typical_ms`,
        { recent: RECENT_SESSIONS },
      );
      const [row] = rows;
      return {
        queued: row?.queued ?? 0,
        running: row?.running ?? 0,
        oldestQueuedSeconds: row?.oldest_queued_seconds ?? 0,
        oldestProcessingSeconds: row?.oldest_processing_seconds ?? 0,
        typicalMs: row?.typical_ms ?? undefined,
      };
    },
  };
}
