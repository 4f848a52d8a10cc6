import type { NewsSource } from '../../domain/ports.ts';
import type { Database } from '../database.ts';

/** Voices that we wrote: no article has them, and none is named. */
export function createSeededVoices(database: Database): NewsSource {
  return {
    voicesForTag: (tagId) =>
      database('voices')
        .select('id', 'text', 'speaker', 'echo', 'emotions', 'situations')
        .where('tag_id', tagId)
        .orderBy('id'),
  };
}
