import { context, diag, ROOT_CONTEXT, TraceFlags } from '@opentelemetry/api';
import { type ExportResult, suppressTracing } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import { encodeSpans, type SpanBatch } from './otlp-spans.ts';
import type { RecordedSpan } from './recorded-span.ts';

export interface BatchExporter {
  export(batch: SpanBatch, onResult: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
}

/** By the names and with the defaults of the SDK's `BatchSpanProcessor`, but for the sizes. */
export interface SpanBatchOptions {
  readonly exporter: BatchExporter;
  readonly maxQueueSize?: number;
  readonly maxExportBatchSize?: number;
  readonly scheduledDelayMillis?: number;
  readonly exportTimeoutMillis?: number;
  /** Characters of a text, beyond which it is cut. */
  readonly attributeValueLengthLimit?: number;
}

/**
 * Spans: four times as many as in the SDK, whose spans wait as objects, where these are bytes: a request of the exporter
 * takes most of a millisecond.
 */
const BATCH_SIZE = 2_048;
const QUEUE_SIZE = 8_192;
/** Bytes of a request, of spans that are as long as most: some receivers refuse more than 1 MB (`docs/vendors.md`). */
const BATCH_BYTES = 800_000;

interface OpenBatch extends SpanBatch {
  readonly written: Uint8Array[];
  spans: number;
  bytes: number;
}

export type SpanBatches = ReturnType<typeof createSpanBatches>;

/** What leaves must not be traced itself, nor belong to the request that made the batch full. */
const UNTRACED = suppressTracing(ROOT_CONTEXT);

/**
 * Collects what has ended and is to be exported, and sends it in batches, one at a time. As the stock processor does,
 * but what waits here is bytes that are ready to be sent: spans live no longer than until they are written.
 */
export function createSpanBatches(options: SpanBatchOptions) {
  const {
    exporter,
    maxQueueSize = QUEUE_SIZE,
    scheduledDelayMillis = 5_000,
    exportTimeoutMillis = 30_000,
  } = options;
  const batchSize = Math.min(options.maxExportBatchSize ?? BATCH_SIZE, maxQueueSize);
  const waiting: OpenBatch[] = [];
  let batch: OpenBatch | undefined;
  /** Of the batch, what is not written yet. */
  let group: RecordedSpan[] = [];
  /** Spans that no exporter has been given yet. */
  let queued = 0;
  let dropped = 0;
  let sending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped: Promise<void> | undefined;

  function onEnd(span: RecordedSpan): void {
    if (stopped !== undefined || (span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (queued >= maxQueueSize) {
      dropped += 1;
      return;
    }
    queued += 1;
    batch ??= openBatch(span.resource);
    group.push(span);
    if (batch.spans + group.length >= batchSize) closeBatch();
  }

  function openBatch(resource: Resource): OpenBatch {
    timer = setTimeout(closeBatch, scheduledDelayMillis).unref();
    return { resource, written: [], spans: 0, bytes: 0 };
  }

  function write(): void {
    if (batch === undefined || group.length === 0) return;
    const spans = group;
    group = [];
    batch.spans += spans.length;
    try {
      const written = encodeSpans(spans, options.attributeValueLengthLimit);
      batch.written.push(written);
      batch.bytes += written.length;
    } catch {
      // What types forbid, from an instrumentation in JavaScript, must not fail the request that has just ended.
      diag.error(`Lost ${spans.length} spans, one of which cannot be written`);
    }
    if (batch.bytes >= BATCH_BYTES) closeBatch();
  }

  function closeBatch(): void {
    clearTimeout(timer);
    write();
    if (batch === undefined) return;
    waiting.push(batch);
    batch = undefined;
    sending ??= sendWaiting();
  }

  async function sendWaiting(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await send(next);
    sending = undefined;
  }

  /** @returns when there is an answer, or has been none for too long: what it was is the exporter's to tell. */
  async function send(next: OpenBatch): Promise<void> {
    queued -= next.spans;
    if (dropped > 0) diag.warn(`Dropped ${dropped} spans because ${maxQueueSize} were waiting`);
    dropped = 0;
    // Some of what is known of the process takes a moment to find out.
    if (next.resource.asyncAttributesPending) await next.resource.waitForAsyncAttributes?.();
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, exportTimeoutMillis);
      context.with(UNTRACED, () =>
        exporter.export(next, () => {
          clearTimeout(limit);
          resolve();
        }),
      );
    });
  }

  async function stop(): Promise<void> {
    closeBatch();
    await sending;
    await exporter.shutdown();
  }

  return {
    onEnd,

    /**
     * Writes what has ended. To be called when somebody else has just looked at it, as it is in the processor's caches
     * then, and several at a time, as the encoder has to come there, too. A batch that leaves is written in any case.
     */
    write,

    /** Sends what is there, and takes no more. Safe to call twice. */
    shutdown(): Promise<void> {
      stopped ??= stop();
      return stopped;
    },
  };
}
