import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.raw(`
    alter table meari_sessions
      add column attempts integer not null default 0,
      add column fence integer not null default 0,
      add column lease_owner text,
      add column lease_expires_at timestamptz,
      -- When it was last handed to a queue: it may be forgotten there.
      add column offered_at timestamptz not null default now(),
      add column started_at timestamptz,
      add column failure_reason text,
      add column traceparent text;
    create index meari_sessions_queued on meari_sessions (id) where status = 'queued';
    create index meari_sessions_processing on meari_sessions (lease_expires_at) where status = 'processing';
    create index meari_sessions_unfinished on meari_sessions (user_id) where status in ('queued', 'processing');
    create index meari_sessions_completed on meari_sessions (completed_at desc) where status = 'completed';

    alter table session_steps
      add column output json,
      -- The order in which the steps of a session finished.
      add column position bigint not null generated always as identity;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw(`
    alter table session_steps drop column output, drop column position;
    drop index meari_sessions_queued, meari_sessions_processing, meari_sessions_unfinished, meari_sessions_completed;
    alter table meari_sessions
      drop column attempts, drop column fence, drop column lease_owner, drop column lease_expires_at,
      drop column offered_at, drop column started_at, drop column failure_reason, drop column traceparent;
  `);
}
