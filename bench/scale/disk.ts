import type pg from 'pg';
import { type Figure, figure } from '../support/figures.ts';

const TABLES = ['meari_sessions', 'session_steps', 'cards', 'personas'];

/** What a session leaves in the database for good: rows and bytes without what updates left behind. */
export async function measureDisk(database: pg.Client): Promise<Figure[]> {
  const count = async (table: string) =>
    (await database.query<{ count: number }>(`select count(*)::int from ${table}`)).rows[0]?.count ?? 0;
  const sessions = await count('meari_sessions');
  const figures: Figure[] = [];
  let total = 0;
  for (const table of TABLES) {
    await database.query(`vacuum full ${table}`);
    const { rows } = await database.query<{ bytes: number }>(
      `select pg_total_relation_size('${table}')::int as bytes`,
    );
    const bytes = rows[0]?.bytes ?? 0;
    total += bytes;
    figures.push(
      figure(`a session on disk: ${table}`, (await count(table)) / sessions, 'rows'),
      figure(`a session on disk: ${table} with its indexes`, bytes / sessions, 'bytes'),
    );
  }
  return [figure('a session on disk', total / sessions, 'bytes'), ...figures];
}
