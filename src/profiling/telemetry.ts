import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { getNodeAutoInstrumentations } from '@opentelemetry/auto-instrumentations-node';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import { register } from 'import-in-the-middle/register-hooks.mjs';
import { queueWatch } from './activity.ts';
import { ActivityContextManager } from './activity-context.ts';
import { watchBlocks } from './capture/block-watch.ts';
import { createCallHooks } from './capture/calls.ts';
import type { Profiler } from './model.ts';
import { createProfiler } from './profiler.ts';
import { UnitSuffixPrometheusExporter } from './prometheus.ts';
import { createSampler, exportRatioFrom } from './sampling.ts';
import { localSpanProcessor } from './span-processor.ts';

export interface Telemetry {
  /** Answers a scrape in the Prometheus text format. */
  readonly serveMetrics: (req: IncomingMessage, res: ServerResponse) => void;
  readonly profiler: Profiler;
  /** Looks at what has finished, without waiting for the next round. */
  readonly settle: () => void;
  /** Sends what is buffered. Safe to call twice. */
  readonly shutdown: () => Promise<void>;
}

/** Milliseconds between looks for traces that have finished. */
const SWEEP_EVERY_MS = 100;

const MEBIBYTE = 1024 * 1024;
/** DESIGN, section 7. */
const BUDGET_MIB = 32;

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
 * Every span goes to the profiler of this process. Spans leave by OTLP as well when `OTEL_EXPORTER_OTLP_ENDPOINT` or
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set, as many as `OTEL_TRACES_SAMPLER` says. Metrics wait to be scraped.
 */
export function startTelemetry({ serviceName }: { serviceName: string }): Telemetry {
  // Only these are wrapped: wrapping every module would slow each start and each call.
  register({ include: ['pg', 'ioredis', 'undici'] });

  const exportsTraces = Boolean(
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT || process.env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
  );
  const service = process.env.OTEL_SERVICE_NAME || serviceName;
  const blockWatch = watchBlocks();
  const profiler = createProfiler({
    service,
    budgetBytes: BUDGET_MIB * MEBIBYTE,
    blocks: blockWatch.blocks,
  });
  const hooks = createCallHooks(profiler.collector);
  const sweeper = setInterval(profiler.sweep, SWEEP_EVERY_MS).unref();
  const prometheus = new UnitSuffixPrometheusExporter({ preventServerStart: true });
  const sdk = new NodeSDK({
    serviceName: service,
    metricReaders: [prometheus],
    logRecordProcessors: [],
    sampler: createSampler(exportRatioFrom(process.env), profiler.takesTraces),
    contextManager: new ActivityContextManager(),
    // The profiler first: it takes out what the exporter must not see.
    spanProcessors: [
      localSpanProcessor(profiler.collector, hooks),
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
        '@opentelemetry/instrumentation-pg': { requireParentSpan: true, requestHook: hooks.statement },
        // The command alone: a key may tell whom it is about.
        '@opentelemetry/instrumentation-ioredis': {
          dbStatementSerializer: (command) => command,
          requestHook: hooks.command,
        },
        '@opentelemetry/instrumentation-pino': { enabled: false },
      }),
    ],
  });
  sdk.start();

  let stopped: Promise<void> | undefined;
  running = {
    serveMetrics: (req, res) => prometheus.getMetricsRequestHandler(req, res),
    profiler,
    settle: profiler.collector.settle,
    shutdown: () => {
      clearInterval(sweeper);
      blockWatch.stop();
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
