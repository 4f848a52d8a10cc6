import express, { type Express, type RequestHandler } from 'express';
import { PROFILER_PATH } from '../profiling/profiler-routes.ts';
import type { Telemetry } from '../profiling/telemetry.ts';
import { JOBS_PATH } from './jobs-dashboard.ts';

/** A dependency and a call that rejects when it does not work. */
export type HealthCheck = readonly [name: string, check: () => Promise<unknown>];

export interface OpsDependencies {
  readonly telemetry: Telemetry | undefined;
  /** What the process cannot work without. */
  readonly checks: readonly HealthCheck[];
  /** What it can do without for a while. */
  readonly optional: readonly HealthCheck[];
  readonly jobs: RequestHandler | undefined;
  /** Undefined: there is no such page. */
  readonly profiler: RequestHandler | undefined;
}

/** The operators' listener: not for the public, on loopback unless configured. */
export function buildOpsApp({ telemetry, checks, optional, jobs, profiler }: OpsDependencies): Express {
  const app = express();
  app.disable('x-powered-by');

  app.get('/metrics', (req, res) => {
    if (telemetry) telemetry.serveMetrics(req, res);
    else res.status(404).type('text').send('no telemetry: start with --import ./instrumentation.ts\n');
  });

  app.get('/livez', (_req, res) => void res.json({ status: 'ok' }));

  app.get('/readyz', async (_req, res) => {
    const [needed, useful] = await Promise.all([resultsOf(checks), resultsOf(optional)]);
    const ready = Object.values(needed).every((result) => result === 'ok');
    res.status(ready ? 200 : 503).json({
      status: ready ? 'ok' : 'failed',
      dependencies: { ...needed, ...useful },
    });
  });

  if (jobs) app.use(JOBS_PATH, jobs);
  if (profiler) app.use(PROFILER_PATH, profiler);
  return app;
}

async function resultsOf(checks: readonly HealthCheck[]): Promise<Record<string, 'ok' | 'failed'>> {
  const results = await Promise.allSettled(checks.map(([, check]) => check()));
  return Object.fromEntries(
    checks.map(([name], index) => [name, results[index]?.status === 'fulfilled' ? 'ok' : 'failed']),
  );
}
