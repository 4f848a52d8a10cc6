import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { metrics, trace } from '@opentelemetry/api';
import { getNodeAutoInstrumentations } from '@opentelemetry/auto-instrumentations-node';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  processDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { register } from 'import-in-the-middle/register-hooks.mjs';
import { ActivityContextManager } from './activity-context.ts';
import { BEAT_MS, watchBlocks } from './capture/block-watch.ts';
import { createCallHooks } from './capture/calls.ts';
import { createExporters } from './exporters.ts';
import { THRESHOLDS, type Thresholds } from './findings/rule.ts';
import { createHistogramProducer } from './histogram.ts';
import type { Profiler } from './model.ts';
import { observeMemory } from './process-memory.ts';
import { createProfiler } from './profiler.ts';
import { observeProfiler } from './profiler-metrics.ts';
import { UnitSuffixPrometheusExporter } from './prometheus.ts';
import { localSpanListener } from './span-listener.ts';
import { storeBytesFrom } from './store/budget.ts';
import { adjustClock } from './tracing/clock.ts';
import type { ExportListener } from './tracing/export-state.ts';
import { createSampler, exportRatioFrom, exportsByTail } from './tracing/sampler.ts';
import { createTailExport, type SlowLimits } from './tracing/tail-export.ts';
import { createTracerProvider } from './tracing/tracer-provider.ts';

export interface TelemetryOptions {
  readonly serviceName: string;
  readonly serviceVersion?: string;
  /** From when on something is a finding; as in `rule.ts` unless given. */
  readonly thresholds?: Thresholds;
  /** Which traces are exported as slow, when only a part of them is. */
  readonly slowMs?: SlowLimits;
}

export interface Telemetry {
  /** Answers a scrape in the Prometheus text format. */
  readonly serveMetrics: (req: IncomingMessage, res: ServerResponse) => void;
  readonly profiler: Profiler;
  /** Looks at what has finished, without waiting for the next round. */
  readonly settle: () => void;
  /** Has a listener told when a receiver of traces or metrics stops to take them, and when it does again. */
  readonly onExportChange: (listener: ExportListener) => void;
  /** Sends what is buffered. Safe to call twice. */
  readonly shutdown: () => Promise<void>;
}

/** From one look for finished traces to the next: with a timer of its own it would wake an idle process once more. */
const BEATS_PER_SWEEP = 2;

/**
 * Milliseconds between the ticks whose lateness is the delay of the event loop; Node counts them as a part of it. By
 * default it is 10: waking a hundred times a second was the largest part of what an idle process did.
 */
const LOOP_DELAY_MS = 20;

const SLOW_MS: SlowLimits = { byName: {}, otherwise: 1_000 };

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
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set, as many as `OTEL_TRACES_SAMPLER` says. Metrics wait to be scraped, and
 * leave as well where `OTEL_METRICS_EXPORTER=otlp`. `PROFILER_STORE_MIB` is the memory that the profiler may take.
 */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { serviceName, serviceVersion, thresholds = THRESHOLDS, slowMs = SLOW_MS } = options;
  // Only these are wrapped: wrapping every module would slow each start and each call.
  register({ include: ['pg', 'ioredis', 'undici'] });

  const exporters = createExporters(process.env);
  const exporter = exporters.traces;
  const tail = exporter && exportsByTail(process.env) ? createTailExport({ exporter, slowMs }) : undefined;
  const service = process.env.OTEL_SERVICE_NAME || serviceName;
  const blockWatch = watchBlocks();
  const profiler = createProfiler({
    service,
    budgetBytes: storeBytesFrom(process.env),
    blocks: blockWatch.blocks,
    thresholds,
    ...(tail && { onTraceEnd: tail.decide }),
    ...(exporter && { onLook: exporter.write }),
  });
  const hooks = createCallHooks();
  const sweep = (): void => {
    adjustClock();
    profiler.sweep();
  };
  let beats = 0;
  const timer = setInterval(() => {
    blockWatch.beat();
    beats += 1;
    if (beats % BEATS_PER_SWEEP === 0) sweep();
  }, BEAT_MS).unref();
  const resource = defaultResource()
    .merge(
      resourceFromAttributes({
        ...(serviceVersion && { 'service.version': serviceVersion }),
        'deployment.environment.name': process.env.NODE_ENV || 'development',
      }),
    )
    .merge(
      detectResources({ detectors: [serviceInstanceIdDetector, processDetector, hostDetector, envDetector] }),
    )
    .merge(resourceFromAttributes({ 'service.name': service }));
  const prometheus = new UnitSuffixPrometheusExporter({
    preventServerStart: true,
    metricProducers: [createHistogramProducer(AggregationTemporality.CUMULATIVE)],
  });
  const sdk = new NodeSDK({
    autoDetectResources: false,
    metricReaders: [prometheus, ...exporters.metricReaders],
    logRecordProcessors: [],
    resource,
    contextManager: new ActivityContextManager(),
    // Without baggage: what a caller puts there would be handed on to the providers of others.
    textMapPropagator: new W3CTraceContextPropagator(),
    // Spans are the layer's own: see `createTracerProvider`.
    spanProcessors: [],
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
        '@opentelemetry/instrumentation-runtime-node': { monitoringPrecision: LOOP_DELAY_MS },
      }),
    ],
  });
  sdk.start();
  observeProfiler(profiler, metrics.getMeter('meari'));
  observeMemory();
  trace.setGlobalTracerProvider(
    createTracerProvider({
      resource,
      sampler: createSampler(exportRatioFrom(process.env), profiler.takesTraces),
      listener: localSpanListener(profiler.collector, hooks, tail ?? exporter),
    }),
  );

  let stopped: Promise<void> | undefined;
  running = {
    serveMetrics: (req, res) => prometheus.getMetricsRequestHandler(req, res),
    profiler,
    settle: profiler.collector.settle,
    onExportChange: exporters.listen,
    shutdown: () => {
      clearInterval(timer);
      sweep();
      tail?.flush();
      // A collector that is gone must not hold up the end of the process, nor make it look like a fault.
      stopped ??= Promise.race([
        Promise.allSettled([exporter?.shutdown(), sdk.shutdown()]).then(() => {}),
        delay(FLUSH_LIMIT_MS, undefined, { ref: false }),
      ]);
      return stopped;
    },
  };
  return running;
}
