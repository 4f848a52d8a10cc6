import { type Context, createContextKey, type Span } from '@opentelemetry/api';

/** The key under which the API itself looks for the span (`trace.getSpan`): keys of one name are one. */
const SPAN_KEY = createContextKey('OpenTelemetry Context Key SPAN');

/**
 * The context with the span in it: what `trace.setSpan` returns, for less. That copies all values of the context for
 * each span; here each context knows its own value and the one around it.
 */
export function withSpan(around: Context, span: Span): Context {
  return new LinkedContext(around, SPAN_KEY, span);
}

class LinkedContext implements Context {
  readonly #around: Context;
  readonly #key: symbol;
  readonly #value: unknown;

  constructor(around: Context, key: symbol, value: unknown) {
    this.#around = around;
    this.#key = key;
    this.#value = value;
  }

  getValue(key: symbol): unknown {
    return key === this.#key ? this.#value : this.#around.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return new LinkedContext(this, key, value);
  }

  deleteValue(key: symbol): Context {
    return new LinkedContext(this, key, undefined);
  }
}
