import supertest from 'supertest';
import { createTestDatabase } from '../database.ts';
import { eventually } from '../eventually.ts';
import { type FakeModel, startFakeModel } from '../fake-model/fake-model.ts';
import { apiRecord, startFakePolicyApi } from '../fake-policy-api.ts';
import { type ServiceProcess, startProcess } from '../process.ts';
import { startRedis } from '../redis.ts';
import { startProxy, type TcpProxy } from '../tcp-proxy.ts';

type PolicyApi = Awaited<ReturnType<typeof startFakePolicyApi>>;

/** Leaving its scope ends all of it, however the test went. */
export interface Fleet extends AsyncDisposable {
  /** Resolves once both processes serve, and policies have been synchronised. */
  readonly ready: Promise<void>;
  readonly api: ServiceProcess;
  readonly worker: ServiceProcess;
  /** Another worker in the place of the one that has ended, on the same ops port. */
  replaceWorker(): Promise<ServiceProcess>;
  /** Between the processes and their Redis. */
  readonly redis: TcpProxy;
  /** Between the processes and their Postgres. */
  readonly postgres: TcpProxy;
  readonly model: FakeModel;
  readonly policyApi: PolicyApi;
  /** A client with a cookie jar of its own that is logged in as a new guest. */
  guest(): Promise<ReturnType<typeof supertest.agent>>;
}

/**
 * The service as operators run it, an API process and a worker of `src/main.ts` with all that they may be given, each
 * dependency behind something that can be made to fail.
 *
 * @param env of both processes, in place of what is chosen here.
 */
export async function startFleet(env: Readonly<Record<string, string>> = {}): Promise<Fleet> {
  await using resources = new AsyncDisposableStack();
  const database = await createTestDatabase();
  resources.defer(() => database.drop());
  const redisServer = resources.use(await startRedis());
  const redis = resources.use(await startProxy(redisServer.port));
  const postgres = resources.use(await startProxy(Number(new URL(database.url).port)));
  const model = resources.use(await startFakeModel());
  const policyApi = resources.use(await startFakePolicyApi({ key: 'key-of-policies' }));
  policyApi.has(Array.from({ length: 20 }, (_, index) => apiRecord(index)));

  const common = {
    DATABASE_URL: postgres.through(database.url),
    REDIS_URL: redis.through(redisServer.url),
    LOG_LEVEL: 'warn',
    WRITER: 'llm',
    LLM_PROVIDER: 'openai-compatible',
    LLM_BASE_URL: model.baseUrl('openai-compatible'),
    LLM_MODEL: 'gemini-2.5-flash',
    LLM_API_KEYS: 'key-one,key-two',
    LLM_PRICES: 'gemini-2.5-flash=0.30/2.50',
    YOUTH_POLICY_API_KEY: policyApi.key,
    YOUTH_POLICY_API_URL: policyApi.url,
    ...env,
  };
  const start = (role: 'api' | 'worker', ports: Record<string, string> = {}) =>
    startProcess({ env: { ...common, ...ports, ROLE: role } });
  const api = resources.use(await start('api'));
  const worker = resources.use(await start('worker'));
  const ready = Promise.all([api.ready, worker.ready]).then(async () => {
    await eventually(async () => {
      const metrics = await (await fetch(`${worker.opsUrl}/metrics`)).text();
      return metrics.includes('meari_policy_sync_age_seconds{') ? true : undefined;
    });
  });
  // Whoever does not wait for it learns of it by what comes next.
  ready.catch(() => {});

  const owned = resources.move();
  return {
    ready,
    api,
    worker,
    async replaceWorker() {
      const another = owned.use(await start('worker', { OPS_PORT: new URL(worker.opsUrl).port }));
      await another.ready;
      return another;
    },
    redis,
    postgres,
    model,
    policyApi,
    async guest() {
      const agent = supertest.agent(api.url);
      await agent.post('/auth/guest').expect(201);
      return agent;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
