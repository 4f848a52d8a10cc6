import pg from 'pg';
import { startFakeModel } from '../../test/support/fake-model/fake-model.ts';
import { newGuests } from '../support/client.ts';
import { startBenchPostgres } from '../support/postgres.ts';
import { parentOf, processorMs, processorMsWithChildren } from '../support/processor-time.ts';
import { startRedis } from '../support/redis.ts';
import {
  type ServiceProcess,
  type ServiceProcessOptions,
  startServiceProcess,
} from '../support/service-process.ts';
import { modelPace } from '../words/model-pace.ts';
import { redisProcessorMs } from './redis-info.ts';
import { COUNTING_SETTINGS } from './statements.ts';

export interface Deployment extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly api: ServiceProcess;
  /** Of the measurement itself. */
  readonly database: pg.Client;
  startWorker(
    slots: number,
    options?: Pick<ServiceProcessOptions, 'isFast' | 'holds'> & {
      readonly env?: Readonly<Record<string, string>>;
    },
  ): Promise<ServiceProcess>;
  /** What makes a worker started as `isFast` write by the model, over HTTP. */
  readonly modelEnv: Readonly<Record<string, string>>;
  /** Cookies of as many users; the same ones each time. */
  guests(count: number): Promise<readonly string[]>;
  /** Milliseconds of processor time so far. */
  spent(
    workers: readonly ServiceProcess[],
  ): Promise<Readonly<Record<'API' | 'workers' | 'Postgres' | 'Redis', number>>>;
}

/** Postgres, Redis, a model and one API process as in production; undefined where there is no Redis. */
export async function startDeployment(): Promise<Deployment | undefined> {
  await using resources = new AsyncDisposableStack();
  const redis = await startRedis();
  if (!redis) return undefined;
  resources.use(redis);
  const postgres = resources.use(await startBenchPostgres(COUNTING_SETTINGS));
  const model = resources.use(await startFakeModel({ pace: modelPace() }));
  const databaseUrl = await postgres.createDatabase('scale');
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: redis.url, NODE_ENV: 'production' };
  const api = resources.use(await startServiceProcess({ env: { ...env, ROLE: 'api' } }));
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  resources.defer(() => database.end());
  const { rows } = await database.query<{ pid: number }>('select pg_backend_pid() as pid');
  const server = await parentOf(rows[0]?.pid ?? Number.NaN);
  const cookies: string[] = [];
  const owned = resources.move();
  return {
    databaseUrl,
    redisUrl: redis.url,
    api,
    database,
    startWorker: (slots, { env: more, ...options } = {}) =>
      startServiceProcess({
        env: { ...env, ROLE: 'worker', SESSION_CONCURRENCY: String(slots), ...more },
        ...options,
      }),
    modelEnv: {
      WRITER: 'llm',
      LLM_PROVIDER: 'google',
      LLM_BASE_URL: model.baseUrl('google'),
      LLM_MODEL: 'gemini-2.5-flash',
      LLM_API_KEYS: 'bench',
    },
    async guests(count) {
      cookies.push(...(await newGuests(api.url, Math.max(0, count - cookies.length))));
      return cookies.slice(0, count);
    },
    async spent(workers) {
      const times = await Promise.all(workers.map(({ pid }) => processorMs(pid)));
      return {
        API: await processorMs(api.pid),
        workers: times.reduce((total, ms) => total + ms, 0),
        Postgres: await processorMsWithChildren(server),
        Redis: await redisProcessorMs(redis.url),
      };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
