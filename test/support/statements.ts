import type { Knex } from 'knex';

/** Runs `work`, and returns every statement that the database ran for it. */
export async function statementsOf(database: Knex, work: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = [];
  const note = ({ sql }: { sql: string }) => statements.push(sql);
  database.on('query', note);
  try {
    await work();
  } finally {
    database.off('query', note);
  }
  return statements;
}
