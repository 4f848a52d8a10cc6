import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import express from 'express';
import pg from 'pg';
import { withServerSpan } from '../../src/profiling/server-span.ts';
import { createStepRecorder } from '../../src/profiling/step.ts';
import { emptyDatabaseUrl } from './database.ts';

/** Milliseconds that each of the steps waits for its model, and each of the statements of the loop for its row. */
const MODEL_MS = 250;
const ROW_MS = 5;
const ROWS = 12;
/** Milliseconds of the processor: enough for a profile of one second to have samples of it. */
const BURN_MS = 400;

/**
 * A service under the profiling layer that does what a profiler is for: a statement for each row, and steps that need
 * nothing of each other one after the other. Its traces are in the profiler of this process.
 */
export async function startSlowApp() {
  const database = new pg.Pool({ connectionString: emptyDatabaseUrl(), max: 2 });
  const record = createStepRecorder({
    metric: { name: 'test.step.duration', description: 'Duration of a step of the slow service.' },
  });
  const app = express();

  app.post('/slow/sessions', async (_req, res) => {
    await record({ name: 'context', after: [] }, {}, () => database.query('select 1'));
    await record({ name: 'sources', after: ['context'] }, {}, async () => {
      const client = await database.connect();
      for (let id = 0; id < ROWS; id++) await rowById(client, id);
      client.release();
    });
    for (const name of ['empathy', 'reflection']) {
      await record({ name, after: ['sources'] }, {}, () => delay(MODEL_MS));
    }
    res.status(201).json({ status: 'success' });
  });

  app.get('/slow/error', async (_req, res) => {
    await record({ name: 'context', after: [] }, {}, () => database.query('select 1'));
    res.status(503).json({ status: 'error' });
  });

  app.get('/slow/spans', async (req, res) => {
    const tracer = trace.getTracer('test');
    for (let index = 0; index < Number(req.query.count); index++) {
      tracer.startActiveSpan(`span ${index}`, (span) => span.end());
    }
    res.json({ status: 'ok' });
  });

  app.get('/slow/burn', async (_req, res) => {
    await record({ name: 'burning', after: [] }, {}, async () => burn(BURN_MS));
    res.json({ status: 'ok' });
  });

  const server = createServer(withServerSpan(app)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await database.end();
    },
  };
}

/** The line that the profiler has to name. */
function rowById(client: pg.PoolClient, id: number) {
  return client.query('select pg_sleep($1::float8), $2::int as id', [ROW_MS / 1000, id]);
}

/** Works, and makes garbage: both samplers see it. */
function burn(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  let made: unknown[] = [];
  while (performance.now() < until)
    made = Array.from({ length: 1_000 }, (_, index) => ({ index, made: made.length }));
}
