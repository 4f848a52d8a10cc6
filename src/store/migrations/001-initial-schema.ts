import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.raw(`
    create table users (
      id uuid primary key,
      nickname text not null,
      created_at timestamptz not null default now(),
      -- Set by the first finished session.
      onboarded_at timestamptz
    );

    create table login_sessions (
      -- SHA-256 of the cookie's token: a copy of this table lets nobody in.
      token_hash bytea primary key,
      user_id uuid not null references users on delete cascade,
      expires_at timestamptz not null
    );
    create index login_sessions_user on login_sessions (user_id);

    create table tags (
      id integer primary key,
      parent_id integer references tags,
      name text not null
    );

    create table voices (
      id integer primary key,
      tag_id integer not null references tags,
      text text not null,
      speaker text not null,
      echo text not null,
      emotions text[] not null,
      situations text[] not null
    );
    create index voices_tag on voices (tag_id);

    create table insights (
      id integer primary key,
      tag_id integer not null references tags,
      title text not null,
      problem text not null,
      causes text[] not null,
      solutions text[] not null,
      supporters text[] not null,
      peers text[] not null,
      key_message text not null,
      emotions text[] not null,
      situations text[] not null
    );
    create index insights_tag on insights (tag_id);

    create table policies (
      id integer primary key,
      tag_id integer not null references tags,
      name text not null,
      organization text not null,
      summary text not null,
      link text not null,
      phone text
    );
    create index policies_tag on policies (tag_id);

    create table meari_sessions (
      -- UUIDv7, so that the order of keys is the order of creation.
      id uuid primary key,
      user_id uuid not null references users on delete cascade,
      tag_id integer not null references tags,
      user_context text,
      status text not null check (status in ('queued', 'processing', 'completed', 'failed')),
      crisis boolean not null,
      degraded boolean not null default false,
      idempotency_key text,
      request_digest text,
      -- json, not jsonb: never queried into, and the order of fields stays as it was written.
      empathy_summary json,
      reflection_summary json,
      created_at timestamptz not null,
      completed_at timestamptz
    );
    create unique index meari_sessions_idempotency on meari_sessions (user_id, idempotency_key)
      where idempotency_key is not null;
    create index meari_sessions_finished on meari_sessions (user_id, id desc) where status = 'completed';

    create table session_steps (
      session_id uuid not null references meari_sessions on delete cascade,
      name text not null,
      duration_ms real not null,
      primary key (session_id, name)
    );

    create table cards (
      session_id uuid not null references meari_sessions on delete cascade,
      kind text not null check (kind in ('empathy', 'reflection')),
      position smallint not null check (position between 1 and 3),
      body json not null,
      primary key (session_id, kind, position)
    );

    create table personas (
      session_id uuid primary key references meari_sessions on delete cascade,
      depth text not null,
      depth_label text not null,
      summary text not null,
      characteristics text[] not null,
      needs text[] not null,
      growth_direction text not null
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw(`
    drop table personas, cards, session_steps, meari_sessions, policies, insights, voices, tags,
      login_sessions, users;
  `);
}
