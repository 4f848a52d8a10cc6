import { startFakeModel } from '../../test/support/fake-model/fake-model.ts';
import { newGuests } from '../support/client.ts';
import { type Figure, figure, median, percentile } from '../support/figures.ts';
import { startBenchPostgres } from '../support/postgres.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { modelPace } from '../words/model-pace.ts';
import { type MeasuredSession, measureSession } from '../words/sessions.ts';

const ROUNDS = 15;
const AT_ONCE = 20;
/** Milliseconds: a hung model is waited for no longer. */
const BUDGET_MS = 2_000;

/** Sessions by a model, against the model's own time. The model is a server in this process, the service is not. */
export async function run(): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  await using model = await startFakeModel({ pace: modelPace() });
  const start = async (name: string, more: Record<string, string> = {}) => {
    const env = {
      DATABASE_URL: await postgres.createDatabase(name),
      WRITER: 'llm',
      LLM_PROVIDER: 'google',
      LLM_BASE_URL: model.baseUrl('google'),
      LLM_MODEL: 'gemini-2.5-flash',
      LLM_API_KEYS: 'bench',
      LLM_MAX_CONCURRENT: '100',
      ...more,
    };
    const service = await startServiceProcess({ env, isFast: true });
    const guests = await newGuests(service.url, AT_ONCE);
    let sessions = 0;
    const session = (guest: number) =>
      measureSession(service.url, guests[guest] as string, model, `${name} ${sessions++}번째 밤이에요`);
    // The first request of a process is not what its users see.
    await session(0);
    return { service, session };
  };
  const oneByOne = async (session: (guest: number) => Promise<MeasuredSession>) => {
    const measured: MeasuredSession[] = [];
    for (let round = 0; round < ROUNDS; round++) measured.push(await session(round % AT_ONCE));
    return measured;
  };

  const figures: Figure[] = [];
  {
    const { service, session } = await start('separate');
    await using _ = service;
    const alone = await oneByOne(session);
    const together = await Promise.all(Array.from({ length: AT_ONCE }, (_, guest) => session(guest)));
    const words = alone.map(({ firstWords, modelFirstWords }) => firstWords - modelFirstWords);
    const others = alone.map(({ total, model }) => 1 - model / total);
    figures.push(
      figure('three calls: the model, p50', median(alone.map(({ model }) => model)), 'ms'),
      figure('three calls: the session, p50', median(alone.map(({ total }) => total)), 'ms'),
      figure(
        'session against the model',
        median(alone.map(({ total, model }) => total / model)),
        '×',
        '≤ 1.05 ×',
      ),
      figure('share of the session that is not the model', 100 * median(others), '%', '≤ 5 %'),
      figure('first words, p50', median(alone.map(({ firstWords }) => firstWords)), 'ms'),
      figure("first words after the model's own, p50", median(words), 'ms', '≤ 50 ms'),
      figure("first words after the model's own, p95", percentile(words, 95), 'ms'),
      figure(
        `${AT_ONCE} sessions at once: share that is not the model, p50`,
        100 * median(together.map(({ total, model }) => 1 - model / total)),
        '%',
      ),
    );
  }
  {
    const { service, session } = await start('single', { LLM_CALLS: 'single' });
    await using _ = service;
    const alone = await oneByOne(session);
    figures.push(
      figure('LLM_CALLS=single: the session, p50', median(alone.map(({ total }) => total)), 'ms'),
      figure(
        'LLM_CALLS=single: session against the model',
        median(alone.map(({ total, model }) => total / model)),
        '×',
      ),
    );
  }
  {
    const { service, session } = await start('hung', {
      LLM_TIMEOUT_MS: '1500',
      LLM_BUDGET_MS: String(BUDGET_MS),
    });
    await using _ = service;
    model.behave(() => ({ kind: 'hang', when: 'before' }));
    const hung = await session(1);
    // By now the breaker is open: nobody waits for a model that does not answer.
    await session(2);
    const after = await oneByOne(session);
    if (![hung, ...after].every(({ degraded }) => degraded)) throw new Error('a hung model has written');
    figures.push(
      figure('a hung model: the session against its budget', hung.total / BUDGET_MS, '×', '≤ 1.1 ×'),
      figure('a hung model, known to be: the session, p50', median(after.map(({ total }) => total)), 'ms'),
    );
  }
  return figures;
}
