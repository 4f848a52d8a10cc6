import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Attributes, type Link, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import fc from 'fast-check';
import { encodeRequest, encodeSpans } from '../../../src/profiling/tracing/otlp-spans.ts';
import type { RecordedSpan } from '../../../src/profiling/tracing/recorded-span.ts';
import { createTracerProvider } from '../../../src/profiling/tracing/tracer-provider.ts';

const RESOURCE = resourceFromAttributes({ 'service.name': 'encoded', 'process.pid': 7 });

/** Names and texts of every length class of the format, in ASCII and not. */
const text = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom('가'.repeat(42), '가'.repeat(43), 'a'.repeat(64), 'a'.repeat(65), 'b'.repeat(20_000)),
);
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(-0, 2 ** 62, -(2 ** 62)),
);
const value = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.array(text, { maxLength: 3 }),
  fc.array(number, { maxLength: 3 }),
);
const attributes = fc.dictionary(text, value, { maxKeys: 6 }) as fc.Arbitrary<Attributes>;
const hex = (digits: number) =>
  fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits });
const spanContext: fc.Arbitrary<SpanContext> = fc.record({
  traceId: hex(32).map((digits) => `1${digits.join('').slice(1)}`),
  spanId: hex(16).map((digits) => `1${digits.join('').slice(1)}`),
  traceFlags: fc.constantFrom(0, 1),
  isRemote: fc.boolean(),
});
const link: fc.Arbitrary<Link> = fc.record({ context: spanContext, attributes });
const span = fc.record({
  scope: fc.constantFrom(['one', undefined], ['two', '1.0']),
  name: text,
  kind: fc.integer({ min: 0, max: 4 }),
  parent: fc.option(spanContext, { nil: undefined }),
  attributes,
  events: fc.array(fc.record({ name: text, attributes }), { maxLength: 3 }),
  links: fc.array(link, { maxLength: 2 }),
  status: fc.record({ code: fc.integer({ min: 0, max: 2 }) }),
  /** Milliseconds since the epoch, to the nanosecond, until 2100. */
  startTime: fc
    .integer({ min: 0, max: 4_102_444_800_000 })
    .chain((ms) => fc.nat(4_095).map((part) => ms + part / 4_096)),
  durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
  /** Has more attributes than a span may have. */
  isCrowded: fc.boolean(),
});

function record(
  sketches: readonly (typeof span extends fc.Arbitrary<infer S> ? S : never)[],
): RecordedSpan[] {
  const ended: RecordedSpan[] = [];
  const provider = createTracerProvider({
    resource: RESOURCE,
    sampler: () => 'export',
    listener: { onStart() {}, onEnd: (recorded) => ended.push(recorded) },
  });
  for (const {
    scope,
    parent,
    name,
    events,
    status,
    startTime,
    durationMs,
    isCrowded,
    ...given
  } of sketches) {
    const [scopeName = '', version] = scope;
    const within = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    const recorded = provider
      .getTracer(scopeName, version)
      .startSpan(name, { ...given, startTime: new Date(startTime) }, within);
    for (let place = 0; isCrowded && place < 130; place++) recorded.setAttribute(`a${place}`, place);
    for (const event of events) recorded.addEvent(event.name, event.attributes);
    recorded.setStatus(status).end(new Date(startTime + durationMs));
  }
  return ended;
}

const encoded = (spans: readonly RecordedSpan[]) =>
  Buffer.from(encodeRequest({ resource: RESOURCE, written: [encodeSpans(spans)] }));

describe('spans as they leave', () => {
  test('are byte for byte what the stock serializer writes', () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 8 }), (sketches) => {
        const spans = record(sketches);
        const stock = ProtobufTraceSerializer.serializeRequest(spans);
        assert.ok(stock && encoded(spans).equals(stock));
      }),
    );
  });

  test('also in a batch of hundreds, and in the next', () => {
    const spans = record(fc.sample(span, { numRuns: 600, seed: 1 }));
    for (const batch of [spans, spans.slice(0, 512), spans.slice(512)]) {
      const stock = ProtobufTraceSerializer.serializeRequest(batch);
      assert.ok(stock && encoded(batch).equals(stock));
    }
  });
});
