import express, { type Express } from 'express';
import type { Telemetry } from '../profiling/telemetry.ts';

/** A dependency and a call that rejects when it does not work. */
export type HealthCheck = readonly [name: string, check: () => Promise<unknown>];

export interface OpsDependencies {
  readonly telemetry: Telemetry | undefined;
  readonly checks: readonly HealthCheck[];
}

/** The operators' listener: not for the public, on loopback unless configured. */
export function buildOpsApp({ telemetry, checks }: OpsDependencies): Express {
  const app = express();
  app.disable('x-powered-by');

  app.get('/metrics', (req, res) => {
    if (telemetry) telemetry.serveMetrics(req, res);
    else res.status(404).type('text').send('no telemetry: start with --import ./instrumentation.ts\n');
  });

  app.get('/livez', (_req, res) => void res.json({ status: 'ok' }));

  app.get('/readyz', async (_req, res) => {
    const results = await Promise.allSettled(checks.map(([, check]) => check()));
    const dependencies = Object.fromEntries(
      checks.map(([name], index) => [name, results[index]?.status === 'fulfilled' ? 'ok' : 'failed']),
    );
    const ready = results.every(({ status }) => status === 'fulfilled');
    res.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'failed', dependencies });
  });

  return app;
}
