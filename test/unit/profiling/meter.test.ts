import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanKind } from '@opentelemetry/api';
import { meter } from '../../../src/profiling/cost/meter.ts';
import { startProfiler } from '../../support/profiler.ts';

test("what a process does between jobs is nobody's cost, and a job is counted as a request is", () => {
  const { start } = startProfiler();
  for (let index = 0; index < 100; index++) start('look for jobs', undefined).end();
  assert.deepEqual(meter.take(), { requests: 0, micros: 0 });

  for (let index = 0; index < 30; index++) {
    const job = start('process things', undefined, { kind: SpanKind.CONSUMER });
    start('part', job).end();
    job.end();
  }
  const { requests, micros } = meter.take();
  // Of 200 in a row the first 20 are measured.
  assert.equal(requests, 20);
  assert.ok(micros > 0);
});
