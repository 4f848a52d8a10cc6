import type pg from 'pg';

/** What Postgres needs to count statements by their text. */
export const COUNTING_SETTINGS = ['shared_preload_libraries=pg_stat_statements'];

/** Why a statement was run, told by its text. The first that fits. */
const CAUSES: readonly (readonly [cause: string, text: RegExp])[] = [
  ['login read', /login_sessions/],
  ['accepted', /^(select "id" from "users"|insert into meari_sessions)/],
  ['begin, commit', /^(begin|commit)/],
  ['claimed', /coalesce\(started_at/],
  ['lease renewed', /^update "meari_sessions" set "lease_expires_at"/],
  ['history read', /^select "p"."summary"/],
  ['checkpoints', /insert into session_steps/],
  ['saved', /onboarded_at|insert into "?(cards|personas)|"completed_at" = /],
  ['finished session read', /^select "s"."id", "s"."status", "s"."request_digest"|from "cards"/],
  ['steps read', /^select "name", "output"/],
  ['followed sessions looked at', /count\(\*\) from session_steps/],
  ['recovery', /^update "?meari_sessions"? set .*(offered_at|failure_reason)/],
];

export type StatementCounts = ReadonlyMap<string, number>;

/** Counts by the server itself: nothing that any process sends is left out. */
export async function countStatements(client: pg.Client) {
  await client.query('create extension if not exists pg_stat_statements');
  return {
    restart: () => client.query('select pg_stat_statements_reset()'),

    /** By cause, since the restart. */
    async counts(): Promise<StatementCounts> {
      const { rows } = await client.query<{ query: string; calls: string }>(
        `select query, calls from pg_stat_statements
         where dbid = (select oid from pg_database where datname = current_database())
           and query not like '%pg_stat_statements%'`,
      );
      const counts = new Map<string, number>();
      for (const { query, calls } of rows) {
        const text = query.replaceAll(/\s+/g, ' ').trim().toLowerCase();
        const cause = CAUSES.find(([, pattern]) => pattern.test(text))?.[0] ?? 'others';
        counts.set(cause, (counts.get(cause) ?? 0) + Number(calls));
      }
      return counts;
    },
  };
}
