import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import type { HistogramMetricData } from '@opentelemetry/sdk-metrics';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { createHistogram, ownHistograms } from '../../../src/profiling/histogram.ts';

async function collected(name: string) {
  const { resourceMetrics } = await ownHistograms.collect();
  const found = resourceMetrics.scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .find(({ descriptor }) => descriptor.name === name);
  return (found as HistogramMetricData | undefined)?.dataPoints ?? [];
}

/** What the histogram of the SDK makes of the same. */
async function bySdk(
  name: string,
  boundaries: number[],
  recorded: readonly (readonly [number, Attributes])[],
) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter });
  const provider = new MeterProvider({ readers: [reader] });
  const histogram = provider
    .getMeter('meari')
    .createHistogram(name, { advice: { explicitBucketBoundaries: boundaries } });
  for (const [value, labels] of recorded) histogram.record(value, labels);
  await provider.forceFlush();
  const [resource] = exporter.getMetrics();
  await provider.shutdown();
  return (resource?.scopeMetrics[0]?.metrics[0] as HistogramMetricData | undefined)?.dataPoints ?? [];
}

const shown = (points: HistogramMetricData['dataPoints']) =>
  points.map(({ attributes, value: { count, sum, buckets } }) => ({ attributes, count, sum, buckets }));

let names = 0;

describe('a histogram', () => {
  test('counts what that of the SDK counts', async () => {
    const value = fc.oneof(fc.constantFrom(0, 1, 2, 5, 10), fc.double({ min: 0, max: 20, noNaN: true }));
    const labels = fc.constantFrom<Attributes>(
      { step: 'a', outcome: 'ok' },
      { outcome: 'ok', step: 'a' },
      { step: 'b' },
      {},
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(value, labels), { maxLength: 40 }), async (recorded) => {
        const [name, boundaries] = [`test.histogram.${names++}`, [1, 2, 5, 10]];
        const histogram = createHistogram({ name, description: '', unit: 's', boundaries });
        for (const [ms, given] of recorded) histogram.series(given).record(ms);
        assert.deepEqual(shown(await collected(name)), shown(await bySdk(name, boundaries, recorded)));
      }),
      { numRuns: 50 },
    );
  });

  test('is one for all of its name, and shows no series without a value', async () => {
    const options = { name: 'test.histogram.shared', description: '', unit: 's', boundaries: [1] };
    createHistogram(options).series({ step: 'a' }).record(0.5);
    createHistogram(options).series({ step: 'a' }).record(2);
    createHistogram(options).series({ step: 'b' });
    const points = await collected(options.name);
    assert.deepEqual(
      points.map(({ attributes, value }) => [attributes, value.buckets.counts]),
      [[{ step: 'a' }, [1, 1]]],
    );
  });

  test('has 2 000 series at most', async () => {
    const name = 'test.histogram.full';
    const histogram = createHistogram({ name, description: '', unit: 's', boundaries: [1] });
    for (let index = 0; index < 2_100; index++) histogram.series({ index }).record(0);
    const points = await collected(name);
    assert.equal(points.length, 2_000);
    const overflow = points.find(({ attributes }) => attributes['otel.metric.overflow'] === true);
    assert.equal(overflow?.value.count, 101);
  });
});
