import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer, TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer';
import { encodeRequest, type SpanBatch } from './otlp-spans.ts';
import type { BatchExporter } from './span-batches.ts';

/**
 * The stock exporter for OTLP over HTTP with protobuf bodies (its variables, time limits and retries), put together
 * here as it puts itself together, but for spans that are written already.
 */
export function createSpanExporter(): BatchExporter {
  const options = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', {
    'Content-Type': 'application/x-protobuf',
  });
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate<SpanBatch, object>(
      options,
      {
        serializeRequest: encodeRequest,
        deserializeResponse: (bytes) => ProtobufTraceSerializer.deserializeResponse(bytes),
      },
      'otlp_http_span_exporter',
      { ...TraceExporterMetricsHelper, countItems: ({ written }) => written.length },
      undefined,
    ),
  );
}
