import { readdirSync, readFileSync } from 'node:fs';
import type { Sources } from '../../src/domain/corpus.ts';

/** The seeded corpus by tag, as the database gives it, without a database. */

const DIRECTORY = new URL('../../src/store/seeds/corpus/', import.meta.url);

const byTag = new Map<number, Sources>(
  readdirSync(DIRECTORY).map((name) => {
    const { tag_id, voices, insights, policies } = JSON.parse(readFileSync(new URL(name, DIRECTORY), 'utf8'));
    const numbered = <T extends object>(rows: T[]) => rows.map((row, id) => ({ id, ...row }));
    return [
      tag_id,
      {
        voices: numbered(voices),
        insights: numbered(insights).map(({ key_message, ...insight }: Record<string, unknown>) => ({
          ...insight,
          keyMessage: key_message,
        })),
        policies: numbered(policies),
      } as unknown as Sources,
    ];
  }),
);

export function corpusOf(tagId: number): Sources {
  const sources = byTag.get(tagId);
  if (!sources) throw new RangeError(`no corpus for tag ${tagId}`);
  return sources;
}
