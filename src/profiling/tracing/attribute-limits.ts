import type { Attributes } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

/**
 * Cuts long texts in what is about to leave, for receivers that refuse them: the standard variable
 * `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`, in characters. Undefined: nothing is cut.
 */
export function attributeCutter(limit: number | undefined): ((span: ReadableSpan) => void) | undefined {
  if (limit === undefined) return undefined;
  const cut = (attributes: Attributes): void => {
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === 'string' && value.length > limit) attributes[name] = value.slice(0, limit);
    }
  };
  return ({ attributes, events }) => {
    cut(attributes);
    for (const event of events) if (event.attributes) cut(event.attributes);
  };
}
