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
import { createHistogram, createHistogramProducer } from '../../../src/profiling/histogram.ts';

const everything = createHistogramProducer(AggregationTemporality.CUMULATIVE);

async function collected(name: string, producer = everything) {
  const { resourceMetrics } = await producer.collect();
  const found = resourceMetrics.scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .find(({ descriptor }) => descriptor.name === name);
  return (found as HistogramMetricData | undefined)?.dataPoints ?? [];
}

type Recorded = readonly (readonly [number, Attributes])[];

/** What the histogram of the SDK tells its reader after the last of the batches. */
async function bySdk(
  name: string,
  boundaries: number[],
  batches: readonly Recorded[],
  temporality = AggregationTemporality.CUMULATIVE,
) {
  const exporter = new InMemoryMetricExporter(temporality);
  const reader = new PeriodicExportingMetricReader({ exporter });
  const provider = new MeterProvider({ readers: [reader] });
  const histogram = provider
    .getMeter('meari')
    .createHistogram(name, { advice: { explicitBucketBoundaries: boundaries } });
  for (const batch of batches) {
    exporter.reset();
    for (const [value, labels] of batch) histogram.record(value, labels);
    await provider.forceFlush();
  }
  const [resource] = exporter.getMetrics();
  await provider.shutdown();
  return (resource?.scopeMetrics[0]?.metrics[0] as HistogramMetricData | undefined)?.dataPoints ?? [];
}

const shown = (points: HistogramMetricData['dataPoints']) =>
  points.map(({ attributes, value: { count, sum, buckets } }) => ({ attributes, count, sum, buckets }));

let names = 0;

describe('a histogram', () => {
  const value = fc.oneof(fc.constantFrom(0, 1, 2, 5, 10), fc.double({ min: 0, max: 20, noNaN: true }));
  const labels = fc.constantFrom<Attributes>(
    { step: 'a', outcome: 'ok' },
    { outcome: 'ok', step: 'a' },
    { step: 'b' },
    {},
  );
  const batch = fc.array(fc.tuple(value, labels), { maxLength: 40 });

  test('counts what that of the SDK counts', async () => {
    await fc.assert(
      fc.asyncProperty(batch, async (recorded) => {
        const [name, boundaries] = [`test.histogram.${names++}`, [1, 2, 5, 10]];
        const histogram = createHistogram({ name, description: '', unit: 's', boundaries });
        for (const [ms, given] of recorded) histogram.series(given).record(ms);
        assert.deepEqual(shown(await collected(name)), shown(await bySdk(name, boundaries, [recorded])));
      }),
      { numRuns: 50 },
    );
  });

  test('tells a reader of differences what has come since it last asked', async () => {
    const { DELTA } = AggregationTemporality;
    const whole = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), labels), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.array(whole, { minLength: 1, maxLength: 3 }), async (batches) => {
        const [name, boundaries] = [`test.histogram.${names++}`, [1, 2, 5, 10]];
        const histogram = createHistogram({ name, description: '', unit: 's', boundaries });
        const differences = createHistogramProducer(DELTA);
        let told = await collected(name, differences);
        for (const recorded of batches) {
          for (const [ms, given] of recorded) histogram.series(given).record(ms);
          told = await collected(name, differences);
        }
        const sorted = (points: ReturnType<typeof shown>) =>
          points.toSorted((a, b) => JSON.stringify(a.attributes).localeCompare(JSON.stringify(b.attributes)));
        assert.deepEqual(sorted(shown(told)), sorted(shown(await bySdk(name, boundaries, batches, DELTA))));
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
