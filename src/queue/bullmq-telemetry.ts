import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Span as TracedSpan,
  trace,
} from '@opentelemetry/api';
import { ATTR_MESSAGING_MESSAGE_ID } from '@opentelemetry/semantic-conventions/incubating';
import { type Telemetry, TelemetryAttributes } from 'bullmq';
import { sessionQueueSpan } from './session-queue-span.ts';

type QueueSpan = ReturnType<Telemetry<Context>['tracer']['startSpan']>;

/**
 * A span for a session that is put into the queue, and one for its execution, in the trace that it was put in from. In
 * place of `bullmq-otel`, which has a trace of its own for each look of a worker at its queue, names the spans in a way
 * of its own, and leaves failures without a status.
 */
export function createBullmqTelemetry(): Telemetry<Context> {
  const tracer = trace.getTracer('meari');
  return {
    tracer: {
      startSpan(_name, { kind } = { kind: SpanKind.INTERNAL }, parent) {
        if (kind !== SpanKind.PRODUCER && kind !== SpanKind.CONSUMER) return SILENT;
        const operation = kind === SpanKind.PRODUCER ? 'send' : 'process';
        const { name, ...options } = sessionQueueSpan(operation, 'bullmq');
        return queueSpan(tracer.startSpan(name, options, parent));
      },
    },
    contextManager: {
      with: (within, work) => context.with(within, work),
      active: () => context.active(),
      root: () => ROOT_CONTEXT,
      getMetadata(within) {
        const carrier: Record<string, string> = {};
        propagation.inject(within, carrier);
        return JSON.stringify(carrier);
      },
      fromMetadata: (within, metadata) => propagation.extract(within, JSON.parse(metadata)),
    },
  };
}

/** Of what BullMQ tells about a job, its id alone: the rest is about BullMQ. */
function queueSpan(span: TracedSpan): QueueSpan {
  const setAttributes: QueueSpan['setAttributes'] = ({ [TelemetryAttributes.JobId]: id }) => {
    if (typeof id === 'string') span.setAttribute(ATTR_MESSAGING_MESSAGE_ID, id);
  };
  return {
    setSpanOnContext: (within) => trace.setSpan(within, span),
    setAttribute: (name, value) => setAttributes({ [name]: value }),
    setAttributes,
    addEvent() {},
    recordException(exception) {
      span.recordException(exception as Error);
      span.setStatus({ code: SpanStatusCode.ERROR });
    },
    end: () => span.end(),
  };
}

/** For what a worker does all day long: its commands belong to no trace. */
const SILENT: QueueSpan = {
  setSpanOnContext: (within) => within,
  setAttribute() {},
  setAttributes() {},
  addEvent() {},
  recordException() {},
  end() {},
};
