import type { Insight, Policy, Voice } from '../../src/domain/corpus.ts';
import type { SourceProvider } from '../../src/domain/ports.ts';
import type { FinishedSession } from '../../src/domain/session.ts';
import type { Database } from '../../src/store/database.ts';
import {
  type CardRow,
  SESSION_COLUMNS,
  type SessionRow,
  toFinishedSession,
} from '../../src/store/repositories/session-rows.ts';

/** How the slow service read: a list of keys first, and then a query for each row (N+1). */

/** A page of finished sessions: each with its row, its persona, and its cards of either kind. */
export async function listOneByOne(
  database: Database,
  userId: string,
  limit: number,
): Promise<FinishedSession[]> {
  const keys: { id: string }[] = await database('meari_sessions')
    .where({ user_id: userId, status: 'completed' })
    .orderBy('id', 'desc')
    .limit(limit)
    .select('id');
  const sessions: FinishedSession[] = [];
  for (const { id } of keys) {
    const row: SessionRow = await database('meari_sessions as s')
      .leftJoin('personas as p', 'p.session_id', 's.id')
      .where('s.id', id)
      .first(SESSION_COLUMNS);
    const cards: CardRow[] = [];
    for (const kind of ['empathy', 'reflection']) {
      const rows: CardRow[] = await database('cards')
        .where('session_id', id)
        .where('kind', kind)
        .orderBy('position');
      cards.push(...rows);
    }
    sessions.push(toFinishedSession(row, cards));
  }
  return sessions;
}

/** Voices, insights and policies of a tag, one after the other. */
export function sourcesOneByOne(database: Database): SourceProvider {
  async function rowsOf<Row>(table: string, tagId: number): Promise<Row[]> {
    const keys: { id: number }[] = await database(table).where('tag_id', tagId).orderBy('id').select('id');
    const rows: Row[] = [];
    for (const { id } of keys) rows.push(await database(table).where('id', id).first());
    return rows;
  }

  return {
    async forTag(tagId) {
      const voices = await rowsOf<Voice>('voices', tagId);
      const insights = await rowsOf<Insight & { key_message: string }>('insights', tagId);
      const policies = await rowsOf<Policy>('policies', tagId);
      return {
        voices,
        insights: insights.map((insight) => ({ ...insight, keyMessage: insight.key_message })),
        policies,
      };
    },
  };
}
