import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.raw(`
    create table synced_policies (
      -- Above those of the seeded policies, so that an order by id has both.
      id integer primary key generated always as identity (start with 1000000),
      policy_no text not null unique,
      tag_ids integer[] not null,
      name text not null,
      organization text not null,
      summary text not null,
      link text not null,
      -- The last day on which one may apply, in Korea.
      open_until date
    );
    create index synced_policies_tags on synced_policies using gin (tag_ids);

    create table policy_sync (
      is_only boolean primary key default true check (is_only),
      fence integer not null default 0,
      -- Pushed ahead by whoever synchronises, so that nobody else does at the same time.
      due_at timestamptz not null default now(),
      failures integer not null default 0,
      succeeded_at timestamptz
    );
    insert into policy_sync default values;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw('drop table synced_policies, policy_sync');
}
