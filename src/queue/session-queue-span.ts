import { type Attributes, SpanKind } from '@opentelemetry/api';
import {
  ATTR_MESSAGING_DESTINATION_NAME,
  ATTR_MESSAGING_OPERATION_NAME,
  ATTR_MESSAGING_OPERATION_TYPE,
  ATTR_MESSAGING_SYSTEM,
} from '@opentelemetry/semantic-conventions/incubating';

export const SESSION_QUEUE_NAME = 'meari-sessions';

/** A session is put into the queue, or taken out of it and executed. */
export type QueueOperation = 'send' | 'process';

/**
 * Name, kind and attributes of a span of the session queue, by the OpenTelemetry messaging conventions: the same
 * whichever queue it is, so that a search finds both.
 */
export function sessionQueueSpan(
  operation: QueueOperation,
  system: 'bullmq' | 'in_process',
): { readonly name: string; readonly kind: SpanKind; readonly attributes: Attributes } {
  return {
    name: `${operation} ${SESSION_QUEUE_NAME}`,
    kind: operation === 'send' ? SpanKind.PRODUCER : SpanKind.CONSUMER,
    attributes: {
      [ATTR_MESSAGING_SYSTEM]: system,
      [ATTR_MESSAGING_DESTINATION_NAME]: SESSION_QUEUE_NAME,
      [ATTR_MESSAGING_OPERATION_NAME]: operation,
      [ATTR_MESSAGING_OPERATION_TYPE]: operation,
    },
  };
}
