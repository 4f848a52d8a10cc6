import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { ProtobufTraceSerializer, TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { encodeSpans } from './otlp-spans.ts';
import type { RecordedSpan } from './recorded-span.ts';

/**
 * The stock exporter for OTLP over HTTP with protobuf bodies (its variables, time limits and retries), put together
 * here as it puts itself together, so that it writes spans with an encoder that costs less.
 */
export function createSpanExporter(): SpanExporter {
  const options = convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', {
    'Content-Type': 'application/x-protobuf',
  });
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate<ReadableSpan[], object>(
      options,
      {
        // Whatever span there is in this process is one of `createTracerProvider`.
        serializeRequest: (spans) => encodeSpans(spans as RecordedSpan[]),
        deserializeResponse: (bytes) => ProtobufTraceSerializer.deserializeResponse(bytes),
      },
      'otlp_http_span_exporter',
      TraceExporterMetricsHelper,
      undefined,
    ),
  );
}
