import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';

/**
 * A small Express application as a process of its own: bare, under the profiling layer, or under the stock
 * instrumentations, by `BENCH_VARIANT`. All three are the same but for what watches them.
 */

export interface Usage {
  /** Microseconds of processor time of the whole process. */
  readonly cpuMicros: number;
}

type RunStep = (name: string, after: readonly string[], work: () => Promise<void>) => Promise<void>;

const variant = process.env.BENCH_VARIANT as 'bare' | 'layer' | 'stock';
// The stock instrumentations see what is required, without a loader for what is imported.
const require = createRequire(import.meta.url);
const express = require('express') as typeof import('express');
const http = require('node:http') as typeof import('node:http');

const app = express();
const { listener, runStep, settle } = await watched();
app.get('/things/:id', (req, res) => {
  res.json({ id: req.params.id, name: 'thing', tags: ['one', 'two'], count: 3 });
});
app.post('/things', express.json(), async (_req, res) => {
  await runStep('first', [], turn);
  await Promise.all([runStep('second', ['first'], turn), runStep('third', ['first'], turn)]);
  await runStep('fourth', ['second', 'third'], turn);
  res.status(201).json({ id: '1', name: 'thing' });
});

const server = http.createServer(listener);
server.listen(0, '127.0.0.1', () => {
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('message', () => {
  settle();
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system } satisfies Usage);
});
process.on('disconnect', () => process.exit(0));

interface Watched {
  readonly listener: RequestListener;
  readonly runStep: RunStep;
  /** Does what is put off, so that a round pays for what its own requests have left to be done. */
  readonly settle: () => void;
}

async function watched(): Promise<Watched> {
  if (variant === 'layer') {
    const { withServerSpan } = await import('../../src/profiling/server-span.ts');
    const { createStepRecorder } = await import('../../src/profiling/step.ts');
    const { runningTelemetry } = await import('../../src/profiling/telemetry.ts');
    const record = createStepRecorder({ metric: { name: 'bench.step.duration', description: 'bench' } });
    return {
      listener: withServerSpan(app),
      runStep: (name, after, work) => record({ name, after }, {}, work),
      settle: () => runningTelemetry()?.settle(),
    };
  }
  if (variant === 'bare') return { listener: app, runStep: (_name, _after, work) => work(), settle() {} };
  const tracer = trace.getTracer('bench');
  // What somebody writes who wants to see the steps too.
  return {
    listener: app,
    runStep: (name, _after, work) => tracer.startActiveSpan(name, (span) => work().finally(() => span.end())),
    settle() {},
  };
}
