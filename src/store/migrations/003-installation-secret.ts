import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.raw(`
    create table installation (
      -- There is one.
      id boolean primary key default true check (id),
      -- 244 random bits: a version 4 UUID has 122, from a strong source.
      secret bytea not null default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
    );
    insert into installation default values;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw('drop table installation');
}
