import type { SourceProvider, Writer } from '../../src/domain/ports.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { figure, median, timed } from '../support/figures.ts';
import { postSession, startBenchService } from '../support/service.ts';
import { CRITICAL_PATH_MS, slowSources, slowWriter } from '../support/slow-words.ts';

const ROUNDS = 5;

/** A session made as the slow service made it: every call after the one before, and a query for each row. */
async function sequentialSession(sources: SourceProvider, writer: Writer): Promise<void> {
  const { signal } = new AbortController();
  const brief = {
    topic: { tagId: 2, userContext: '매일 야근해요' },
    history: { lastPersona: null, shownQuotes: [] },
  };
  await writer.persona(brief, signal);
  const gathered = { ...brief, sources: await sources.forTag(2) };
  await writer.empathy(gathered, signal);
  await writer.reflection(gathered, signal);
}

/** One cold session over HTTP against its critical path, and against the same calls one after the other. */
export async function run() {
  const writer = slowWriter(createLocalWriter());
  await using plain = await startBenchService();
  const sources = slowSources(plain.container.sources);
  await using service = await startBenchService({ writer, sources });
  const cookie = await service.guest();

  const parallel: number[] = [];
  const sequential: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const body = { selected_tag_id: 2, user_context: `매일 야근해요 ${round}` };
    parallel.push(await timed(() => postSession(service.url, cookie, body).then((answer) => answer.json())));
    sequential.push(await timed(() => sequentialSession(sources, writer)));
  }
  return [
    figure('critical path of the fake model', CRITICAL_PATH_MS, 'ms'),
    figure('session, cold, sync', median(parallel), 'ms'),
    figure('session against the critical path', median(parallel) / CRITICAL_PATH_MS, '×', '≤ 1.05 ×'),
    figure('the same calls one after the other', median(sequential), 'ms'),
    figure('one after the other against the session', median(sequential) / median(parallel), '×'),
  ];
}
