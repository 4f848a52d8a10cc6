import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '../database.ts';
import { type Call, type FakeModel, type Fault, startFakeModel } from '../fake-model/fake-model.ts';
import { SESSIONS } from '../paths.ts';
import { type ServiceProcess, startProcess } from '../process.ts';
import { startPrometheus, type TestPrometheus } from '../prometheus/prometheus.ts';
import { startRedis } from '../redis.ts';
import { openStream } from '../stream-client.ts';
import { startProxy, type TcpProxy } from '../tcp-proxy.ts';

/** The service as operators run it, an API process and two workers, with all that can go wrong with it at hand. */
export interface OperatedService extends AsyncDisposable {
  readonly api: ServiceProcess;
  readonly workers: readonly [ServiceProcess, ServiceProcess];
  readonly model: FakeModel;
  readonly prometheus: TestPrometheus;
  /** Between the processes and Redis. */
  readonly redis: TcpProxy;
  /** Between the API process and its database. */
  readonly database: TcpProxy;
}

export interface OperatedOptions {
  /** Milliseconds between two readings of a process. */
  readonly scrapeMs: number;
}

const MODEL = 'gemini-2.5-flash';
const KEYS = ['key-of-the-first-worker', 'key-of-the-second-worker'] as const;
/** In the words of a user whose call to the model never ends, while this is asked for. */
const HANGS = '끝나지 않는 밤';
const FAILURES = 'sum(http_server_request_duration_seconds_count{http_response_status_code=~"5.."})';
const REFUSED = '거절당한 하루';

export async function startOperatedService({ scrapeMs }: OperatedOptions): Promise<OperatedService> {
  await using resources = new AsyncDisposableStack();
  const postgres = await createTestDatabase();
  resources.defer(() => postgres.drop());
  const redisServer = resources.use(await startRedis());
  const redis = resources.use(await startProxy(redisServer.port));
  const database = resources.use(await startProxy(Number(new URL(postgres.url).port)));
  const model = resources.use(
    await startFakeModel({ pace: { firstTokenMs: () => 60, tokensPerSecond: () => 1_000 } }),
  );
  const start = (role: string, key: string, databaseUrl: string) =>
    startProcess({
      env: {
        ROLE: role,
        NODE_ENV: 'test',
        LOG_LEVEL: 'error',
        DATABASE_URL: databaseUrl,
        REDIS_URL: redis.through(redisServer.url),
        WRITER: 'llm',
        LLM_PROVIDER: 'openai-compatible',
        LLM_BASE_URL: model.baseUrl('openai-compatible'),
        LLM_MODEL: MODEL,
        LLM_API_KEYS: key,
        LLM_PRICES: `${MODEL}=0.30/2.50`,
        LLM_MAX_CONCURRENT: '6',
      },
    });
  const [first, second] = KEYS;
  const processes = await Promise.all([
    start('api', first, database.through(postgres.url)),
    start('worker', first, postgres.url),
    start('worker', second, postgres.url),
  ]);
  for (const started of processes) resources.use(started);
  await Promise.all(processes.map(({ ready }) => ready));
  const [api, ...workers] = processes as [ServiceProcess, ServiceProcess, ServiceProcess];
  const rules = resources.use(await rulesWithoutRests());
  const prometheus = resources.use(
    await startPrometheus({
      targets: { 'meari-api': [api.opsUrl], 'meari-worker': workers.map(({ opsUrl }) => opsUrl) },
      ruleFiles: [rules.file],
      intervalMs: scrapeMs,
    }),
  );
  const owned = resources.move();
  return {
    api,
    workers,
    model,
    prometheus,
    redis,
    database,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The recorded series, all of them evaluated as often as anything is read: a test has no minute for each. */
async function rulesWithoutRests() {
  const directory = await mkdtemp(join(tmpdir(), 'meari-rules-'));
  const file = join(directory, 'recording.yml');
  const recording = new URL('../../../prometheus/rules/recording.yml', import.meta.url);
  await writeFile(file, (await readFile(recording, 'utf8')).replaceAll(/^ +interval: .*$/gm, ''));
  return { file, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

export interface Guest {
  post(words: string | undefined, headers?: Record<string, string>): Promise<Response>;
  get(path: string): Promise<Response>;
  follow(words: string): Promise<{ leave(): void }>;
}

export async function guestOf({ url }: ServiceProcess): Promise<Guest> {
  const created = await fetch(`${url}/auth/guest`, { method: 'POST' });
  const cookie = created.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const request = (words: string | undefined, headers: Record<string, string> = {}): RequestInit => ({
    method: 'POST',
    headers: { cookie, 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ selected_tag_id: 2, ...(words !== undefined && { user_context: words }) }),
  });
  return {
    post: (words, headers) => read(fetch(url + SESSIONS, request(words, headers))),
    get: (path) => read(fetch(url + path, { headers: { cookie } })),
    follow: (words) => openStream(url + SESSIONS, request(words, { Accept: 'text/event-stream' })),
  };
}

/** To its end, so that the connection can be used again. */
async function read(asked: Promise<Response>): Promise<Response> {
  const response = await asked;
  return new Response(await response.text(), response);
}

/** Sessions and reads by one client after the other, until `signal`; what fails meanwhile is part of the scenario. */
export async function keepBusy(api: ServiceProcess, clients: number, signal: AbortSignal): Promise<void> {
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      const guest = await guestOf(api);
      for (let round = 0; !signal.aborted; round++) {
        // Now and then without words: those are shared, and cached.
        await guest.post(round % 3 === 0 ? undefined : `${client}번째 사람의 ${round}번째 밤`);
        for (const path of [SESSIONS, '/api/v1/tags', '/auth/me']) await guest.get(path);
        if (round % 4 === 0) await guest.post('가'.repeat(501));
        if (round % 5 === 0) await guest.get('/nowhere');
      }
    }),
  );
}

/** A model that now and then cannot answer, and answers some never. */
function moody(call: Call): Fault | undefined {
  if (call.user.includes(REFUSED)) return { kind: 'status', status: 400 };
  if (call.number % 7 === 0) return { kind: 'status', status: 503, retryAfterSeconds: 0 };
  return call.number % 11 === 0 ? { kind: 'says', text: '{"summary": 1}' } : undefined;
}

/**
 * One after the other: a model with faults, a stream that stays open, a worker that dies in the middle of a session,
 * Redis away, the database away from the API. Each is waited for until a metric tells of it.
 */
export async function letThingsHappen(operated: OperatedService): Promise<{ leave(): void }> {
  const { api, workers, model, prometheus, redis, database } = operated;
  const guest = await guestOf(api);
  model.behave(moody);
  await Promise.all([guest.post('아무 일도 하기 싫어요'), guest.post(REFUSED)]);
  await prometheus.until('sum(meari_llm_degraded_total) > 0');
  await (await guestOf(api)).post('기다릴 수 없어요', { Prefer: 'respond-async' });

  const held = await guestOf(api);
  model.behave((call) => (call.user.includes(HANGS) ? { kind: 'hang', when: 'before' } : moody(call)));
  const stream = await held.follow(HANGS);
  await prometheus.until('sum(meari_session_streams_open) > 0');
  await model.until(() => model.calls.some(({ user }) => user.includes(HANGS)));
  const victim = model.calls.find(({ user }) => user.includes(HANGS))?.key === KEYS[0] ? 0 : 1;
  workers[victim].child.kill('SIGKILL');
  // It is executed again by the other one, and hangs there; until its client leaves.

  redis.cut();
  await guest.post('레디스가 없는 밤');
  await prometheus.until('sum(meari_session_queue_fallbacks_total) > 0');
  await prometheus.until('sum(meari_cache_second_level_faults_total) > 0');
  await redis.restore();

  // Twice: the first failures make the counters, only the second ones are an increase of them.
  for (const failures of [0, 1]) {
    database.cut();
    await guest.get(SESSIONS);
    await prometheus.until(`${FAILURES} > ${failures}`);
    await database.restore();
    await prometheus.scraped();
  }

  await prometheus.until('sum(meari_session_recoveries_total{kind="abandoned"}) > 0');
  model.behave(moody);
  return stream;
}
