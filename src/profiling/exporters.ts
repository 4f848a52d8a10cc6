import { getNumberFromEnv } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import {
  type IMetricReader,
  InstrumentType,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { createHistogramProducer } from './histogram.ts';
import { createExportState } from './tracing/export-state.ts';
import type { Environment } from './tracing/sampler.ts';
import { createSpanBatches, type SpanBatches } from './tracing/span-batches.ts';
import { createSpanExporter } from './tracing/span-exporter.ts';

export type Exporters = ReturnType<typeof createExporters>;

/** Milliseconds between two exports of the metrics: what a scrape is in most places. */
const METRICS_EVERY_MS = 15_000;

/**
 * What leaves by OTLP (HTTP with protobuf bodies), by the standard variables: traces where there is an endpoint for
 * them, metrics beside that where `OTEL_METRICS_EXPORTER` names `otlp` (Jaeger, for one, takes none).
 */
export function createExporters(env: Environment) {
  const state = createExportState();
  return {
    traces:
      env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ? traceExporter() : undefined,
    metricReaders: env.OTEL_METRICS_EXPORTER?.split(',').some((name) => name.trim() === 'otlp')
      ? [metricReader()]
      : [],
    /** Told when a receiver stops to take what is sent to it, and when it does again. */
    listen: state.listen,
  };

  function traceExporter(): SpanBatches {
    return createSpanBatches({
      exporter: state.watch('traces', createSpanExporter()),
      ...given('maxQueueSize', 'OTEL_BSP_MAX_QUEUE_SIZE'),
      ...given('scheduledDelayMillis', 'OTEL_BSP_SCHEDULE_DELAY'),
      ...given('exportTimeoutMillis', 'OTEL_BSP_EXPORT_TIMEOUT'),
      ...given('maxExportBatchSize', 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
      // For receivers that refuse long texts.
      ...given('attributeValueLengthLimit', 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT'),
    });
  }

  function metricReader(): IMetricReader {
    const exporter = new OTLPMetricExporter();
    const temporality = exporter.selectAggregationTemporality(InstrumentType.HISTOGRAM);
    return new PeriodicExportingMetricReader({
      exporter: state.watch('metrics', exporter),
      metricProducers: [createHistogramProducer(temporality)],
      exportIntervalMillis: getNumberFromEnv('OTEL_METRIC_EXPORT_INTERVAL') || METRICS_EVERY_MS,
    });
  }
}

/** The option of this name, when its variable is set: the SDK reads these variables in its own set-up alone. */
function given<Name extends string>(name: Name, variable: string): Partial<Record<Name, number>> {
  const value = getNumberFromEnv(variable);
  return value === undefined ? {} : ({ [name]: value } as Record<Name, number>);
}
