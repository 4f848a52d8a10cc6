import type { Knex } from 'knex';

/** What a step keeps of a part says whether it is degraded. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.raw(`
    update session_steps set output = json_build_object('part', output, 'degraded', false)
    where name in ('persona', 'empathy', 'reflection') and output is not null;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw(`
    update session_steps set output = output -> 'part'
    where name in ('persona', 'empathy', 'reflection') and output is not null;
  `);
}
