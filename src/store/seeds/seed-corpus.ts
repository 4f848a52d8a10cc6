import { readdir, readFile } from 'node:fs/promises';
import type { Knex } from 'knex';
import { z } from 'zod';
import { TAG_TREE } from '../../domain/tags.ts';

const text = z.string().min(1);
const feelings = { emotions: z.array(text), situations: z.array(text) };

/** One file a minor tag, in `corpus/`: what the local writer draws from. */
export const corpusFileSchema = z.strictObject({
  tag_id: z.int(),
  voices: z.array(z.strictObject({ text, speaker: text, echo: text, ...feelings })),
  insights: z.array(
    z.strictObject({
      title: text,
      problem: text,
      causes: z.array(text),
      solutions: z.array(text),
      supporters: z.array(text),
      peers: z.array(text),
      key_message: text,
      ...feelings,
    }),
  ),
  policies: z.array(
    z.strictObject({ name: text, organization: text, summary: text, link: z.url(), phone: text.nullable() }),
  ),
});

export type CorpusFile = z.infer<typeof corpusFileSchema>;

const CORPUS = new URL('./corpus/', import.meta.url);

export async function readCorpus(): Promise<CorpusFile[]> {
  const names = (await readdir(CORPUS)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    names.map(async (name) =>
      corpusFileSchema.parse(JSON.parse(await readFile(new URL(name, CORPUS), 'utf8'))),
    ),
  );
}

/** Makes the tables of tags and corpus equal to what is in the code: new rows in, changed ones updated, others out. */
export async function seedCorpus(database: Knex): Promise<void> {
  const files = await readCorpus();
  await database.transaction(async (trx) => {
    await replaceRows(
      trx,
      'tags',
      TAG_TREE.flatMap(({ id, name, minors }) => [
        { id, name, parent_id: null },
        ...minors.map((minor) => ({ ...minor, parent_id: id })),
      ]),
    );
    await replaceRows(
      trx,
      'voices',
      withIds(files, ({ voices }) => voices),
    );
    await replaceRows(
      trx,
      'insights',
      withIds(files, ({ insights }) => insights),
    );
    await replaceRows(
      trx,
      'policies',
      withIds(files, ({ policies }) => policies),
    );
  });
}

/** Ids follow the place in the file, so that a row keeps its id from start to start. */
function withIds<Row extends object>(
  files: readonly CorpusFile[],
  rows: (file: CorpusFile) => readonly Row[],
) {
  return files.flatMap((file) =>
    rows(file).map((row, index) => ({ id: file.tag_id * 1000 + index, tag_id: file.tag_id, ...row })),
  );
}

async function replaceRows(
  trx: Knex.Transaction,
  table: string,
  rows: readonly { id: number }[],
): Promise<void> {
  await trx(table).insert(rows).onConflict('id').merge();
  await trx(table)
    .whereNotIn(
      'id',
      rows.map(({ id }) => id),
    )
    .delete();
}
