import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanKind } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { noteSpan } from '../../../src/profiling/capture/span-notes.ts';
import { observeProfiler } from '../../../src/profiling/profiler-metrics.ts';
import { startProfiler } from '../../support/profiler.ts';

const THRESHOLDS = { repeatedCalls: 3, repeatedMs: 0 };

/** A profiler and what a scrape of its metrics reads. */
function start() {
  const reader = new (class extends MetricReader {
    protected override async onForceFlush() {}
    protected override async onShutdown() {}
  })();
  const provider = new MeterProvider({ readers: [reader] });
  const running = startProfiler({ thresholds: THRESHOLDS });
  observeProfiler(running.profiler, provider.getMeter('test'));
  return {
    ...running,
    async scrape(name: string): Promise<{ labels: Record<string, unknown>; value: number }[]> {
      running.settle();
      const { resourceMetrics } = await reader.collect();
      const [metric] = resourceMetrics.scopeMetrics.flatMap((scope) =>
        scope.metrics.filter(({ descriptor }) => descriptor.name === name),
      );
      assert.ok(metric, name);
      return metric.dataPoints.map(({ attributes, value }) => ({
        labels: attributes,
        value: value as number,
      }));
    },
  };
}

/**
 * A request with calls of 8 ms in it, one after the other; what it took, in seconds. Its times are in the first
 * milliseconds of the process: later ones would be in the future, and be read as times of the epoch.
 */
function looped({ request, start }: ReturnType<typeof startProfiler>, route: string, calls: number): number {
  const root = request(route, { startTime: 1 });
  for (let index = 0; index < calls; index++) {
    const [startTime, endTime] = [5 + index * 10, 13 + index * 10];
    const call = start('query', root, {
      kind: SpanKind.CLIENT,
      startTime,
      attributes: { 'db.system.name': 'postgresql', 'db.query.text': 'select * from things where id = $1' },
    });
    noteSpan(call, {
      fingerprint: 'select * from things where id = ?',
      values: String(index),
      callSite: undefined,
    });
    call.end(endTime);
  }
  root.end(11 + calls * 10);
  return (10 + calls * 10) / 1_000;
}

test('time on critical paths grows by what requests took, told by who is answerable for it', async () => {
  const profiled = start();
  const took = looped(profiled, '/things/:id', 4) + looped(profiled, '/things/:id', 2);
  const job = profiled.start('tidy up', undefined, { kind: SpanKind.CONSUMER, startTime: 1 });
  job.end(51);
  const lost = profiled.start('GET', undefined, {
    kind: SpanKind.SERVER,
    startTime: 1,
    attributes: { 'http.request.method': 'GET' },
  });
  lost.end(2);

  const times = await profiled.scrape('meari.profiler.critical_path');
  const ofThings = times.filter(({ labels }) => labels.route === 'GET /things/:id');
  const sum = ofThings.reduce((total, { value }) => total + value, 0);
  assert.ok(Math.abs(sum - took) < 1e-9, `${sum} of ${took} s`);
  const statement = ofThings.find(({ labels }) => labels.step === 'SELECT things');
  assert.ok(Math.abs((statement?.value ?? 0) - 6 * 0.008) < 1e-9, JSON.stringify(ofThings));
  assert.deepEqual(statement?.labels, {
    route: 'GET /things/:id',
    step: 'SELECT things',
    'http.request.method': 'GET',
    'http.route': '/things/:id',
  });
  const others = times.filter(({ labels }) => labels.route !== 'GET /things/:id');
  assert.deepEqual(
    others.map(({ labels }) => labels),
    [
      { route: 'GET (no route)', step: '(own work)' },
      { route: 'tidy up', step: '(own work)' },
    ],
  );
});

test('findings are counted from zero, once a trace', async () => {
  const profiled = start();
  const counts = async () => {
    const all = await profiled.scrape('meari.profiler.findings');
    return all.filter(({ value }) => value > 0).map(({ labels, value }) => ({ ...labels, value }));
  };
  assert.deepEqual(await counts(), []);
  assert.ok(
    (await profiled.scrape('meari.profiler.findings')).some(({ labels }) => labels.rule === 'n-plus-one'),
  );
  looped(profiled, '/things', 6);
  looped(profiled, '/others', 6);
  looped(profiled, '/few', 2);
  assert.deepEqual(await counts(), [{ rule: 'n-plus-one', severity: 'warning', value: 2 }]);
  assert.deepEqual(await counts(), [{ rule: 'n-plus-one', severity: 'warning', value: 2 }]);
});

test('the store tells what it holds, what it may hold, and what it lost', async () => {
  const profiled = start();
  for (let index = 0; index < 100; index++) profiled.request('/alike').end();
  const one = async (name: string) => (await profiled.scrape(name))[0]?.value;
  const size = await one('meari.profiler.store.size');
  const { bytes, budgetBytes, traces, thinnedTraces } = profiled.profiler.store();
  assert.equal(size, bytes);
  assert.equal(await one('meari.profiler.store.limit'), budgetBytes);
  assert.equal(await one('meari.profiler.store.traces'), traces);
  const lost = await profiled.scrape('meari.profiler.store.lost');
  assert.ok(thinnedTraces > 0);
  assert.equal(lost.find(({ labels }) => labels.what === 'thinned')?.value, thinnedTraces);
  assert.equal(await one('meari.profiler.paused'), 0);
  assert.ok(((await one('meari.profiler.cost_limit')) ?? 0) > 0);
});
