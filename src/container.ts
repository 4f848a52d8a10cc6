import { join } from 'node:path';
import { type AppDependencies, buildApp } from './app.ts';
import type { Config } from './config.ts';
import type { SourceProvider, Writer } from './domain/ports.ts';
import { createAuth } from './http/auth.ts';
import { buildOpsApp } from './http/ops-app.ts';
import { describeError, type Logger } from './log.ts';
import { createSessionGraph } from './pipeline/create-session.ts';
import { createStepRecorder, type StepReport } from './profiling/step.ts';
import { runningTelemetry } from './profiling/telemetry.ts';
import { createSessionService } from './sessions/session-service.ts';
import { connectDatabase, prepareDatabase } from './store/database.ts';
import { startEmbeddedPostgres } from './store/embedded-postgres.ts';
import { createCorpusRepository } from './store/repositories/corpus-repository.ts';
import { createSessionRepository } from './store/repositories/session-repository.ts';
import { createTagRepository } from './store/repositories/tag-repository.ts';
import { createUserRepository } from './store/repositories/user-repository.ts';
import { createLocalWriter } from './writing/local/local-writer.ts';

export type Container = Awaited<ReturnType<typeof createContainer>>;

/** What a test or a benchmark puts in the place of the real one. */
export interface Overrides {
  readonly writer?: Writer;
  readonly sources?: SourceProvider;
  readonly now?: () => Date;
}

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
  const { now = () => new Date(), writer = createLocalWriter() } = overrides;

  const url = config.database.url ?? (await embeddedDatabase(config, resources));
  const database = connectDatabase({ url, poolMax: config.database.poolMax });
  resources.defer(() => database.destroy());
  await prepareDatabase(database);

  const sessions = createSessionRepository(database);
  const sources = overrides.sources ?? createCorpusRepository(database);
  const graph = createSessionGraph({
    sessions,
    sources,
    writer,
    now,
  });
  const recordStep = createStepRecorder({
    metric: {
      name: 'meari.session.step.duration',
      description: 'Duration of one step of the session pipeline.',
    },
    onEnd: (report) => logStep(log, report),
  });
  const service = createSessionService({
    sessions,
    graph,
    recordStep,
    timeoutMs: config.sessionTimeoutMs,
    now,
  });
  const production = config.environment === 'production';
  const appDependencies: AppDependencies = {
    ...config.api,
    auth: createAuth({ users: createUserRepository(database), secureCookies: production, now }),
    service,
    tags: createTagRepository(database),
    log,
    now,
    showTimings: !production,
  };

  return {
    database,
    sources,
    app: buildApp(appDependencies),
    opsApp: buildOpsApp({
      telemetry: runningTelemetry(),
      checks: [['postgres', () => database.raw('select 1')]],
    }),
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
