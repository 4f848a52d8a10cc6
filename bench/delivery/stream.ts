import { connectDatabase } from '../../src/store/database.ts';
import { createCorpusRepository } from '../../src/store/repositories/corpus-repository.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { linesOf, newGuests, openSession } from '../support/client.ts';
import { type Figure, figure, median, timed } from '../support/figures.ts';
import { createSequentialPipeline } from '../support/sequential.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { DELAYS, slowSources, slowWriter } from '../support/slow-words.ts';

const ROUNDS = 11;
const SEQUENTIAL_ROUNDS = 3;
/** The sources are cached since the first round: what is left of the critical path is its longest part. */
const CRITICAL_PATH_MS = DELAYS.empathy;

type LineTimes = Readonly<Record<'starting' | 'persona_created' | 'completed', number>>;

/** What somebody who follows a session while it is made sees, and when. */
export async function measureStream(databaseUrl: string): Promise<Figure[]> {
  const rounds: LineTimes[] = [];
  {
    await using service = await startServiceProcess({ env: { DATABASE_URL: databaseUrl } });
    const guests = await newGuests(service.url, ROUNDS + 1);
    for (const [round, cookie] of guests.entries()) {
      const times = await lineTimes(service.url, cookie, `매일 야근해요 ${round}`);
      // The first request of a process is not what its users see.
      if (round > 0) rounds.push(times);
    }
  }
  await using resources = new AsyncDisposableStack();
  const database = connectDatabase({ url: databaseUrl, poolMax: 4 });
  resources.defer(() => database.destroy());
  const runSequentially = await createSequentialPipeline(database, {
    sources: slowSources(createCorpusRepository(database)),
    writer: slowWriter(createLocalWriter()),
  });
  const sequential: number[] = [];
  for (let round = 0; round < SEQUENTIAL_ROUNDS; round++) sequential.push(await timed(runSequentially));

  const first = median(rounds.map(({ starting }) => starting));
  const persona = median(rounds.map(({ persona_created }) => persona_created));
  const completed = median(rounds.map((times) => times.completed));
  return [
    figure('stream, first line, p50', first, 'ms', '≤ 15 ms'),
    figure('stream, persona line, p50', persona, 'ms'),
    figure(
      `persona line against the model's ${DELAYS.persona} ms`,
      persona / DELAYS.persona,
      '×',
      '≤ 1.05 ×',
    ),
    figure('stream, completed, its sources cached, p50', completed, 'ms'),
    figure('completed against the critical path', completed / CRITICAL_PATH_MS, '×', '≤ 1.05 ×'),
    figure('the same steps one after the other, nothing cached', median(sequential), 'ms'),
    figure('one after the other against completed', median(sequential) / completed, '×'),
  ];
}

/** Milliseconds from the request to each line. */
async function lineTimes(url: string, cookie: string, userContext: string): Promise<LineTimes> {
  const startedAt = performance.now();
  const times: Record<string, number> = {};
  const response = await openSession(url, cookie, { Accept: 'application/x-ndjson' }, userContext);
  for await (const { status } of linesOf(response)) times[status] = performance.now() - startedAt;
  const { starting, persona_created, completed } = times;
  if (starting === undefined || persona_created === undefined || completed === undefined) {
    throw new Error(`a stream ended with these lines alone: ${Object.keys(times).join(', ')}`);
  }
  return { starting, persona_created, completed };
}
