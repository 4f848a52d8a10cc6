import type { Insight, Policy, Voice } from '../../domain/corpus.ts';
import type { SourceProvider } from '../../domain/ports.ts';
import type { Database } from '../database.ts';

/** The seeded corpus: three statements at the same time, whatever the number of rows. */
export function createCorpusRepository(database: Database): SourceProvider {
  const rowsOf = (table: string, tagId: number, columns: (string | Record<string, string>)[]) =>
    database(table).select(columns).where('tag_id', tagId).orderBy('id');

  return {
    async forTag(tagId) {
      const [voices, insights, policies] = await Promise.all([
        rowsOf('voices', tagId, ['id', 'text', 'speaker', 'echo', 'emotions', 'situations']),
        rowsOf('insights', tagId, [
          ...[
            'id',
            'title',
            'problem',
            'causes',
            'solutions',
            'supporters',
            'peers',
            'emotions',
            'situations',
          ],
          { keyMessage: 'key_message' },
        ]),
        rowsOf('policies', tagId, ['id', 'name', 'organization', 'summary', 'link', 'phone']),
      ]);
      return { voices: voices as Voice[], insights: insights as Insight[], policies: policies as Policy[] };
    },
  };
}
