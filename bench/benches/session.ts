import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { figure, median, timed } from '../support/figures.ts';
import { createSequentialPipeline } from '../support/sequential.ts';
import { postSession, startBenchService } from '../support/service.ts';
import { CRITICAL_PATH_MS, slowSources, slowWriter } from '../support/slow-words.ts';

const ROUNDS = 5;

/** One cold session over HTTP against its critical path, and against the same steps one after the other. */
export async function run() {
  const writer = slowWriter(createLocalWriter());
  await using plain = await startBenchService();
  const sources = slowSources(plain.container.sources);
  await using service = await startBenchService({ writer, sources });
  const cookie = await service.guest();
  const runSequentially = await createSequentialPipeline(service.container.database, { sources, writer });

  const parallel: number[] = [];
  const sequential: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const body = { selected_tag_id: 2, user_context: `매일 야근해요 ${round}` };
    parallel.push(await timed(() => postSession(service.url, cookie, body).then((answer) => answer.json())));
    sequential.push(await timed(runSequentially));
  }
  return [
    figure('critical path of the fake model', CRITICAL_PATH_MS, 'ms'),
    figure('session, cold, sync', median(parallel), 'ms'),
    figure('session against the critical path', median(parallel) / CRITICAL_PATH_MS, '×', '≤ 1.05 ×'),
    figure('the same steps one after the other', median(sequential), 'ms'),
    figure('one after the other against the session', median(sequential) / median(parallel), '×'),
  ];
}
