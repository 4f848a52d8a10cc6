import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { figure, median, timed } from '../support/figures.ts';
import { sourcesOneByOne } from '../support/one-by-one.ts';
import { createSequentialPipeline } from '../support/sequential.ts';
import { postSession, startBenchService } from '../support/service.ts';
import { CRITICAL_PATH_MS, slowSources, slowWriter } from '../support/slow-words.ts';

/** One a round: what is cached for one is new for the next. */
const TAGS = [2, 3, 4, 6, 7];

/** One cold session over HTTP against its critical path, and against the same steps one after the other. */
export async function run() {
  const writer = slowWriter(createLocalWriter());
  await using plain = await startBenchService();
  const sources = slowSources(plain.container.sources);
  await using service = await startBenchService({ writer, sources });
  const cookie = await service.guest();
  const { database } = service.container;
  const runSequentially = await createSequentialPipeline(database, { sources, writer });
  const runAsItWas = await createSequentialPipeline(database, {
    sources: slowSources(sourcesOneByOne(database)),
    writer,
  });

  const parallel: number[] = [];
  const sequential: number[] = [];
  const asItWas: number[] = [];
  const warm: number[] = [];
  for (const tag of TAGS) {
    const post = (context: string) =>
      timed(async () => {
        const body = { selected_tag_id: tag, user_context: context };
        await (await postSession(service.url, cookie, body)).json();
      });
    parallel.push(await post('매일 야근해요'));
    warm.push(await post('매일 야근해서 지쳤어요'));
    sequential.push(await timed(runSequentially));
    asItWas.push(await timed(runAsItWas));
  }
  return [
    figure('critical path of the fake model', CRITICAL_PATH_MS, 'ms'),
    figure('session, cold, sync', median(parallel), 'ms'),
    figure('session against the critical path', median(parallel) / CRITICAL_PATH_MS, '×', '≤ 1.05 ×'),
    figure('session, its sources cached', median(warm), 'ms'),
    figure('the same steps one after the other', median(sequential), 'ms'),
    figure('one after the other against the session', median(sequential) / median(parallel), '×'),
    figure('one after the other and a query for each row', median(asItWas), 'ms'),
  ];
}
