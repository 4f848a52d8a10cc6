import { type Attributes, ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type HistogramMetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { now, toEpochMs, toHrTime } from './tracing/clock.ts';

/** The values of a histogram that have the same labels. */
export interface Series {
  record(value: number): void;
}

export interface SeriesHistogram {
  /** To be kept by whoever records, not looked up for each value. Label values have to come from closed sets. */
  series(labels: Attributes): Series;
}

export interface HistogramOptions {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  /** Upper bounds; a bucket holds its own. */
  readonly boundaries: readonly number[];
}

/** Series of one histogram, as in the SDK: whatever is beyond is counted together. */
const SERIES_LIMIT = 2_000;
const OVERFLOW: Attributes = { 'otel.metric.overflow': true };

interface RecordedSeries extends Series {
  readonly labels: Attributes;
  readonly counts: number[];
  count: number;
  sum: number;
}

interface OwnHistogram {
  readonly options: HistogramOptions;
  readonly startMs: number;
  readonly series: Map<string, RecordedSeries>;
}

const histograms = new Map<string, OwnHistogram>();

/**
 * A histogram for what every request records. In that of the SDK a value costs microseconds, because it finds out by
 * the labels, each time, which values it belongs to; here whoever records knows. Those of one name are one.
 */
export function createHistogram(options: HistogramOptions): SeriesHistogram {
  const { name, boundaries } = options;
  const { series } = histograms.get(name) ?? { series: new Map<string, RecordedSeries>() };
  if (!histograms.has(name)) histograms.set(name, { options, series, startMs: now() });

  return {
    series(labels) {
      const wanted = keyOf(labels);
      const isFull = series.size >= SERIES_LIMIT - 1 && !series.has(wanted);
      const key = isFull ? keyOf(OVERFLOW) : wanted;
      const known = series.get(key) ?? createSeries(isFull ? OVERFLOW : labels, boundaries);
      series.set(key, known);
      return known;
    },
  };
}

/** Hands them to a reader of the SDK, beside what the SDK itself has measured. */
export const ownHistograms: MetricProducer = {
  async collect() {
    const metrics = [...histograms.values()].map(metricOf);
    const scopeMetrics = [{ scope: { name: 'meari' }, metrics }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  },
};

function createSeries(labels: Attributes, boundaries: readonly number[]): RecordedSeries {
  const counts = new Array<number>(boundaries.length + 1).fill(0);
  return {
    labels,
    counts,
    count: 0,
    sum: 0,
    record(value) {
      let bucket = 0;
      while (bucket < boundaries.length && value > (boundaries[bucket] as number)) bucket += 1;
      counts[bucket] = (counts[bucket] as number) + 1;
      this.count += 1;
      this.sum += value;
    },
  };
}

function metricOf({ options, series, startMs }: OwnHistogram): HistogramMetricData {
  const { name, description, unit, boundaries } = options;
  const [startTime, endTime] = [toHrTime(toEpochMs(startMs)), toHrTime(toEpochMs(now()))];
  return {
    descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: [...series.values()]
      .filter(({ count }) => count > 0)
      .map(({ labels, counts, count, sum }) => ({
        startTime,
        endTime,
        attributes: labels,
        value: { buckets: { boundaries: [...boundaries], counts: [...counts] }, count, sum },
      })),
  };
}

function keyOf(labels: Attributes): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
