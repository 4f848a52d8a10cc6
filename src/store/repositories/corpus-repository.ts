import type { Insight, Policy } from '../../domain/corpus.ts';
import type { NewsSource, SourceProvider } from '../../domain/ports.ts';
import type { Database } from '../database.ts';
import { TODAY_IN_KOREA } from './korean-day.ts';
import { createSeededVoices } from './seeded-voices.ts';

/** Of one tag, beside its six or so seeded ones: help lines that we chose must not drown. */
const SYNCED_POLICIES = 8;

/** Everything for a tag: three statements at the same time, whatever the number of rows. */
export function createCorpusRepository(
  database: Database,
  news: NewsSource = createSeededVoices(database),
): SourceProvider {
  const insightsOf = (tagId: number): Promise<Insight[]> =>
    database('insights')
      .select(
        'id',
        'title',
        'problem',
        'causes',
        'solutions',
        'supporters',
        'peers',
        'emotions',
        'situations',
      )
      .select({ keyMessage: 'key_message' })
      .where('tag_id', tagId)
      .orderBy('id');

  /** The seeded ones, then the newest of the synchronised (their numbers begin with a date) that are open and other. */
  const policiesOf = async (tagId: number): Promise<Policy[]> => {
    const { rows } = await database.raw<{ rows: Policy[] }>(
      `with seeded as (
         select id, name, organization, summary, link, phone from policies where tag_id = :tagId
       ), synced as (
         select id, name, organization, summary, link, null::text from synced_policies
         where tag_ids @> array[cast(:tagId as integer)]
           and (open_until is null or open_until >= ${TODAY_IN_KOREA})
           and replace(name, ' ', '') not in (select replace(name, ' ', '') from seeded)
         order by policy_no desc limit :limit
       )
       select * from seeded union all select * from synced order by id`,
      { tagId, limit: SYNCED_POLICIES },
    );
    return rows;
  };

  return {
    async forTag(tagId) {
      const [voices, insights, policies] = await Promise.all([
        news.voicesForTag(tagId),
        insightsOf(tagId),
        policiesOf(tagId),
      ]);
      return { voices, insights, policies };
    },
  };
}
