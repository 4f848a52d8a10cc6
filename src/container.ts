import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { buildApp } from './app.ts';
import { cachedSessions } from './cache/cached/sessions.ts';
import { cachedSources } from './cache/cached/sources.ts';
import { cachedTags } from './cache/cached/tags.ts';
import { cachedUsers } from './cache/cached/users.ts';
import { cachedWriter } from './cache/cached/writer.ts';
import { CACHE_DEFINITIONS } from './cache/caches.ts';
import { createCaches } from './cache/create-caches.ts';
import type { Config } from './config.ts';
import { connectMachines } from './container-machines.ts';
import type { NewsSource, SourceProvider, Writer } from './domain/ports.ts';
import { createAuth } from './http/auth.ts';
import { jobsDashboard } from './http/jobs-dashboard.ts';
import { buildOpsApp, type HealthCheck } from './http/ops-app.ts';
import { limitSessionCreation } from './http/rate-limit.ts';
import { createDelivery } from './http/session-delivery.ts';
import { describeError, type Logger } from './log.ts';
import { createSessionGraph } from './pipeline/create-session.ts';
import { watchPool } from './profiling/capture/pool-waits.ts';
import { openProfiler } from './profiling/profiler-page.ts';
import { createStepRecorder, type StepReport } from './profiling/step.ts';
import { runningTelemetry } from './profiling/telemetry.ts';
import { createLocalBus } from './queue/local-bus.ts';
import { createLocalQueue } from './queue/local-queue.ts';
import { createEstimator } from './sessions/estimator.ts';
import { createExecutor } from './sessions/executor.ts';
import { createFeed } from './sessions/feed.ts';
import { startRecovery } from './sessions/recovery.ts';
import { createSessionMetrics } from './sessions/session-metrics.ts';
import { createSessionService } from './sessions/session-service.ts';
import { startPolicySync } from './sources/start-policy-sync.ts';
import { connectDatabase, prepareDatabase, STATEMENT_TIMEOUT_MS } from './store/database.ts';
import { observeDatabase, poolUsage } from './store/database-metrics.ts';
import { startEmbeddedPostgres } from './store/embedded-postgres.ts';
import { createCorpusRepository } from './store/repositories/corpus-repository.ts';
import { createExecutionRepository } from './store/repositories/execution-repository.ts';
import { readInstallationSecret } from './store/repositories/installation-repository.ts';
import { createSessionRepository } from './store/repositories/session-repository.ts';
import { createSyncedPolicyRepository } from './store/repositories/synced-policy-repository.ts';
import { createTagRepository } from './store/repositories/tag-repository.ts';
import { createUserRepository } from './store/repositories/user-repository.ts';
import { createWriter } from './writing/create-writer.ts';

/** What a test or a benchmark puts in the place of the real one. */
export interface Overrides {
  readonly writer?: Writer;
  readonly sources?: SourceProvider;
  readonly news?: NewsSource;
  readonly now?: () => Date;
}

export type Container = Awaited<ReturnType<typeof createContainer>>;

/** Unfinished sessions of one user: somebody who waits for three does not need a fourth. */
const UNFINISHED_PER_USER = 3;

/** Milliseconds that running sessions get to finish at shutdown, before they are handed to another executor. */
const FINISH_WITHIN_MS = 5_000;

/**
 * Constructs every adapter, and closes them in reverse. What fails half-way closes what was open already.
 *
 * @throws {StartupError} when a dependency cannot be had.
 */
export async function createContainer(config: Config, log: Logger, overrides: Overrides = {}) {
  const resources = new AsyncDisposableStack();
  try {
    return await construct(config, log, overrides, resources);
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

async function construct(config: Config, log: Logger, overrides: Overrides, resources: AsyncDisposableStack) {
  const { now = () => new Date() } = overrides;
  const production = config.environment === 'production';

  const url = config.database.url ?? (await embeddedDatabase(config, resources));
  await prepareDatabase(url);
  const database = connectDatabase({ url, poolMax: config.database.poolMax });
  resources.defer(() => database.destroy());
  watchPool(database.client.pool);
  resources.defer(observeDatabase(database, STATEMENT_TIMEOUT_MS));
  const sessions = createSessionRepository(database);
  const executions = createExecutionRepository(database);
  if (config.youthPolicyApi) {
    const policies = createSyncedPolicyRepository(database);
    const policySync = startPolicySync({ api: config.youthPolicyApi, policies, log, now });
    resources.defer(() => policySync.stop());
  }

  const metrics = createSessionMetrics();
  const machines = config.redisUrl
    ? connectMachines(config.redisUrl, config.role, metrics, log, resources)
    : undefined;
  const { queue, bus } = machines ?? { queue: createLocalQueue(), bus: createLocalBus() };
  const { caches, close: closeCaches } = createCaches({
    definitions: CACHE_DEFINITIONS,
    secret: await readInstallationSecret(database),
    shared: machines && { redis: machines.redis, subscriber: machines.cacheSubscriber },
  });
  resources.defer(closeCaches);
  const sources = cachedSources(
    overrides.sources ?? createCorpusRepository(database, overrides.news),
    caches.sources,
  );
  const writing = createWriter(config.writer, { sources, redis: machines?.redis, log });
  resources.defer(writing.close);
  const writer = cachedWriter({
    writer: overrides.writer ?? writing.writer,
    words: caches.words,
    edition: writing.edition,
  });

  const estimator = createEstimator({ executions, sessions, now });
  resources.defer(
    metrics.observeLoad(estimator.load, {
      queued: config.sessions.queueLimit,
      slots: config.role === 'api' ? 0 : config.sessions.concurrency,
    }),
  );
  const graph = createSessionGraph({ sessions, executions, sources, writer, now });
  const recordStep = createStepRecorder({
    metric: {
      name: 'meari.session.step.duration',
      description: 'Duration of one step of the session pipeline.',
    },
    onEnd: (report) => logStep(log, report),
  });
  const executor = createExecutor({
    executions,
    sessions,
    bus,
    graph,
    recordStep,
    metrics,
    log,
    owner: `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
    timeoutMs: config.sessions.timeoutMs,
    now,
  });
  queue.consume(executor.execute, config.sessions.concurrency);
  const recovery = startRecovery({ executions, queue, queueIsNew: !machines, bus, metrics, log });
  let drained: Promise<void> | undefined;
  const drain = (): Promise<void> => {
    drained ??= (async () => {
      const patience = setTimeout(executor.stop, FINISH_WITHIN_MS);
      await Promise.all([recovery.stop(), queue.close()]);
      clearTimeout(patience);
    })();
    return drained;
  };
  resources.defer(drain);

  const readSessions = cachedSessions(sessions, caches.sessions);
  const feed = createFeed({ sessions: readSessions, bus, log });
  const service = createSessionService({
    sessions: readSessions,
    graph,
    queue,
    bus,
    feed,
    estimator,
    limits: { unfinishedPerUser: UNFINISHED_PER_USER, queued: config.sessions.queueLimit },
    now,
  });
  const profiler = openProfiler({
    settings: config.profiler,
    ops: config.ops,
    production,
    profiler: runningTelemetry()?.profiler,
    projectRoot: join(import.meta.dirname, '..'),
    gauges: {
      pool: () => poolUsage(database),
      queue: async () => {
        const { queued, running } = await estimator.load();
        return { queued, running };
      },
      streams: () => ({ open: metrics.openStreams() }),
    },
    onError: (error) => log.warn({ err: describeError(error) }, 'profiler'),
  });
  resources.defer(async () => profiler?.close());
  const closing = new AbortController();
  const app = (): RequestListener =>
    buildApp({
      ...config.api,
      auth: createAuth({
        users: cachedUsers(createUserRepository(database), caches.logins),
        secureCookies: production,
        now,
      }),
      service,
      delivery: createDelivery({ service, metrics, closing: closing.signal, now }),
      tags: cachedTags(createTagRepository(database), caches.tags),
      limitCreation: limitSessionCreation(config.api.rateLimitPerMinute, machines?.redis),
      syncWaitMs: config.sessions.syncWaitMs,
      profileHeaders: profiler?.headers,
      log,
      now,
    });

  // Without Redis the service goes on, more slowly: it is told, and does not make the process unready.
  const checks: HealthCheck[] = [['postgres', () => database.raw('select 1')]];
  const optional: HealthCheck[] = machines ? [['redis', () => machines.redis.ping()]] : [];
  return {
    database,
    sources,
    /** Undefined in a process that only executes. */
    app: config.role === 'worker' ? undefined : app(),
    opsApp: buildOpsApp({
      telemetry: runningTelemetry(),
      checks,
      optional,
      jobs: machines && jobsDashboard(machines.shared.queue),
      profiler: profiler?.routes,
    }),
    /**
     * Answers what waits, ends what streams, and stops to execute: what runs gets some seconds to finish, and goes
     * back to the queue then.
     */
    async stop(): Promise<void> {
      closing.abort();
      await drain();
    },
    close: () => resources.disposeAsync(),
  };
}

async function embeddedDatabase(config: Config, resources: AsyncDisposableStack): Promise<string> {
  const server = await startEmbeddedPostgres({ directory: join(config.dataDir, 'postgres') });
  resources.defer(() => server.stop());
  return server.url;
}

function logStep(log: Logger, { name, attributes, outcome, durationMs, error }: StepReport): void {
  const duration_ms = Math.round(durationMs * 10) / 10;
  const fields = { step: name, session_id: attributes['meari.session.id'], outcome, duration_ms };
  if (outcome === 'ok') log.info(fields, 'step');
  else log.warn({ ...fields, err: describeError(error) }, 'step');
}
