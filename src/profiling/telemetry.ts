import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { getNodeAutoInstrumentations } from '@opentelemetry/auto-instrumentations-node';

import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import { register } from 'import-in-the-middle/register-hooks.mjs';
import { queueWatch } from './activity.ts';
import { ActivityContextManager } from './activity-context.ts';
import { UnitSuffixPrometheusExporter } from './prometheus.ts';

export interface Telemetry {
  /** Answers a scrape in the Prometheus text format. */
  readonly serveMetrics: (req: IncomingMessage, res: ServerResponse) => void;
  /** Sends what is buffered. Safe to call twice. */
  readonly shutdown: () => Promise<void>;
}

/** Milliseconds for what is buffered to leave at the end. */
const FLUSH_LIMIT_MS = 2_000;

let running: Telemetry | undefined;

/** The telemetry of this process; undefined when it was started without `instrumentation.ts`. */
export function runningTelemetry(): Telemetry | undefined {
  return running;
}

/**
 * Starts OpenTelemetry for this process. Must run before the modules it watches are loaded (`node --import`).
 *
 * Spans leave by OTLP when `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set. Metrics
 * wait to be scraped.
 */
export function startTelemetry({ serviceName }: { serviceName: string }): Telemetry {
  // Only these are wrapped: wrapping every module would slow each start and each call.
  register({ include: ['pg', 'ioredis', 'undici'] });

  const exportsTraces = Boolean(
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT || process.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
  );
  const prometheus = new UnitSuffixPrometheusExporter({ preventServerStart: true });
  const sdk = new NodeSDK({
    serviceName: process.env.OTEL_SERVICE_NAME || serviceName,
    metricReaders: [prometheus],
    logRecordProcessors: [],
    contextManager: new ActivityContextManager(),
    spanProcessors: [
      queueWatch,
      ...(exportsTraces ? [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })] : []),
    ],
    instrumentations: [
      getNodeAutoInstrumentations({
        // The server side is the layer's own lean span (`server-span.ts`), which costs less than the request.
        '@opentelemetry/instrumentation-http': { disableIncomingRequestInstrumentation: true },
        '@opentelemetry/instrumentation-express': { enabled: false },
        '@opentelemetry/instrumentation-router': { enabled: false },
        '@opentelemetry/instrumentation-net': { enabled: false },
        '@opentelemetry/instrumentation-dns': { enabled: false },
        // knex would span each query a second time, above the span of pg.
        '@opentelemetry/instrumentation-knex': { enabled: false },
        '@opentelemetry/instrumentation-pg': { requireParentSpan: true },
        '@opentelemetry/instrumentation-pino': { enabled: false },
      }),
    ],
  });
  sdk.start();

  let stopped: Promise<void> | undefined;
  running = {
    serveMetrics: (req, res) => prometheus.getMetricsRequestHandler(req, res),
    shutdown: () => {
      // A collector that is gone must not hold up the end of the process, nor make it look like a fault.
      stopped ??= Promise.race([
        sdk.shutdown().catch(() => {}),
        delay(FLUSH_LIMIT_MS, undefined, { ref: false }),
      ]);
      return stopped;
    },
  };
  return running;
}
