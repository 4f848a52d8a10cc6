import '../../../instrumentation.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Attributes, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { emptyResource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { createSelfCost } from '../../../src/profiling/cost/self-cost.ts';
import type { RecordedSpan } from '../../../src/profiling/tracing/recorded-span.ts';
import { createSampler, exportRatioFrom, type Sampler } from '../../../src/profiling/tracing/sampler.ts';
import { framesOf } from '../../../src/profiling/tracing/stack-frames.ts';
import { createTracerProvider, type OwnSpanOptions } from '../../../src/profiling/tracing/tracer-provider.ts';
import { startProfiler } from '../../support/profiler.ts';

function startTracer(sampler: Sampler = () => 'export') {
  const ended: RecordedSpan[] = [];
  const provider = createTracerProvider({
    resource: emptyResource(),
    sampler,
    listener: { onStart() {}, onEnd: (span) => ended.push(span) },
  });
  return { tracer: provider.getTracer('test', '1.0'), ended };
}

const remote = (traceFlags: number) =>
  trace.setSpanContext(ROOT_CONTEXT, {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    traceFlags,
    isRemote: true,
  });

describe('a span', () => {
  test('takes the attributes that are handed over as they are, but for those without a value', () => {
    const { tracer, ended } = startTracer();
    const attributes: Attributes = { a: 1, none: undefined };
    const options: OwnSpanOptions = { attributes, handsOver: true };
    const span = tracer.startSpan('own', options);
    attributes.late = 'yes';
    span.end();
    assert.equal(ended[0]?.attributes, attributes);
    assert.deepEqual(Object.entries(attributes), [
      ['a', 1],
      ['late', 'yes'],
    ]);
  });

  test('has a copy of what anybody else gives it', () => {
    const { tracer, ended } = startTracer();
    const attributes: Attributes = { a: 1 };
    const span = tracer.startSpan('given', { attributes });
    attributes.a = 2;
    span.end();
    assert.deepEqual(ended[0]?.attributes, { a: 1 });
  });

  test('is what exporters read', () => {
    const { tracer, ended } = startTracer();
    const startedAt = Date.now();
    const span = tracer.startSpan('first', { kind: SpanKind.CLIENT, attributes: { a: 1 } }, remote(1));
    span.setAttribute('b', ['x']).updateName('second').setStatus({ code: SpanStatusCode.ERROR });
    span.addEvent('happened', { c: true });
    span.end();
    const [read] = ended;
    assert.ok(read);
    assert.equal(read.name, 'second');
    assert.equal(read.kind, SpanKind.CLIENT);
    assert.deepEqual(read.attributes, { a: 1, b: ['x'] });
    assert.deepEqual(
      read.events.map(({ name, attributes }) => [name, attributes]),
      [['happened', { c: true }]],
    );
    assert.deepEqual(read.status, { code: SpanStatusCode.ERROR });
    assert.equal(read.spanContext().traceId, 'a'.repeat(32));
    assert.match(read.spanContext().spanId, /^[0-9a-f]{16}$/);
    assert.equal(read.parentSpanContext?.spanId, 'b'.repeat(16));
    assert.deepEqual(read.instrumentationScope, { name: 'test', version: '1.0' });
    assert.ok(Math.abs(read.startTime[0] * 1_000 + read.startTime[1] / 1e6 - startedAt) < 1_000);
    const [from, to] = [read.startTime, read.endTime].map(
      ([seconds, nanos]) => seconds * 1_000 + nanos / 1e6,
    );
    assert.ok(from !== undefined && to !== undefined && to >= from);
  });

  test('takes times in every form of the API', () => {
    const { tracer, ended } = startTracer();
    const at = Date.now() - 5_000;
    for (const startTime of [
      at,
      new Date(at),
      [Math.floor(at / 1_000), (at % 1_000) * 1e6] as [number, number],
    ]) {
      tracer.startSpan('given', { startTime }, ROOT_CONTEXT).end(at + 250);
    }
    for (const { duration, startTime } of ended) {
      assert.deepEqual([duration[0], Math.round(duration[1] / 1e6)], [0, 250]);
      assert.ok(Math.abs(startTime[0] * 1_000 + startTime[1] / 1e6 - at) < 1);
    }
    assert.equal(ended.length, 3);
  });

  test('does not change once it has ended, and ends once', () => {
    const { tracer, ended } = startTracer();
    const span = tracer.startSpan('done', {}, ROOT_CONTEXT);
    span.end();
    span
      .setAttribute('late', 1)
      .updateName('late')
      .addEvent('late')
      .setStatus({ code: SpanStatusCode.ERROR });
    span.end();
    assert.equal(ended.length, 1);
    assert.deepEqual(
      [ended[0]?.name, ended[0]?.attributes, ended[0]?.events, span.isRecording()],
      ['done', {}, [], false],
    );
  });

  test('keeps no message of an exception', () => {
    const { tracer, ended } = startTracer();
    const span = tracer.startSpan('failing', {}, ROOT_CONTEXT);
    span.recordException(new TypeError('a secret\nof several lines'));
    span.end();
    const [event] = ended[0]?.events ?? [];
    assert.equal(event?.attributes['exception.type'], 'TypeError');
    assert.match(String(event?.attributes['exception.stacktrace']), /tracing\.test\.ts/);
    assert.ok(!JSON.stringify(event).includes('secret'));
  });

  test('takes no line of a message for a frame', () => {
    const words = ['I sat', '    at the bridge', '   at home:1:2', '    at last (file:///secret:1:2)'];
    const told = framesOf(new Error(words.join('\n')));
    assert.match(told[0] ?? '', /tracing\.test\.ts:\d+:\d+\)$/);
    assert.doesNotMatch(told.join(), /bridge|home|secret/);
    // Query builders put the statement in front of the message that is in the stack.
    const rewritten = new Error(words.slice(0, 3).join('\n'));
    rewritten.message = `select 1 - ${rewritten.message}`;
    assert.deepEqual(
      framesOf(rewritten)
        .join()
        .match(/bridge|home/g),
      null,
    );
    assert.ok(framesOf(rewritten).length > 2);
    assert.ok(framesOf(new Error()).length > 2);
  });

  test('has 128 attributes and events at most, and tells what it dropped', () => {
    const { tracer, ended } = startTracer();
    const span = tracer.startSpan('full', {}, ROOT_CONTEXT);
    for (let index = 0; index < 130; index++) span.setAttribute(`a${index}`, index).addEvent(`e${index}`);
    span.end();
    const [read] = ended;
    assert.deepEqual([Object.keys(read?.attributes ?? {}).length, read?.events.length], [128, 128]);
    assert.deepEqual([read?.droppedAttributesCount, read?.droppedEventsCount], [2, 2]);
  });

  test('is none while an exporter sends', () => {
    const { tracer, ended } = startTracer();
    tracer.startSpan('export', {}, suppressTracing(ROOT_CONTEXT)).end();
    assert.deepEqual(ended, []);
  });
});

describe('what leaves the process', () => {
  test('has no binding, no hash of one, no line of code, no message and no query string', () => {
    const exported: ReadableSpan[] = [];
    const { profiler, hooks, request, start, within, settle } = startProfiler({}, (span) =>
      exported.push(span),
    );
    const root = request('/things');
    for (const id of [1, 2]) {
      const query = start('query', root, {
        kind: SpanKind.CLIENT,
        attributes: { 'db.system.name': 'postgresql' },
      });
      const values = [`SECRET ${id}`, 'SAME'];
      within(root, () =>
        hooks.statement(query, { query: { text: `select 'SECRET' from t where a = $1 and b = $2`, values } }),
      );
      query.setStatus({ code: SpanStatusCode.ERROR, message: 'invalid input: SECRET' });
      query.addEvent('exception', { 'exception.message': 'SECRET', 'exception.type': 'error' });
      query.end();
    }
    const url = 'http://api.test/things/SECRET%20words?key=SECRET#SECRET';
    const attributes = { 'url.full': url, 'url.query': '?key=SECRET', 'http.request.method': 'GET' };
    start('GET', root, { kind: SpanKind.CLIENT, attributes }).end();
    root.end();
    settle();

    const notes = exported.flatMap((span) => (span as RecordedSpan).notes ?? []);
    assert.equal(notes.length, 3);
    assert.ok(notes.some(({ callSite }) => callSite?.startsWith('test/unit/profiling/tracing.test.ts:')));
    for (const serializer of [JsonTraceSerializer, ProtobufTraceSerializer]) {
      const sent = Buffer.from(serializer.serializeRequest(exported) ?? []).toString('latin1');
      assert.ok(
        sent.includes('select ? from t where a = ? and b = ?') && sent.includes('http://api.test/things/'),
      );
      for (const { values, callSite } of notes) {
        assert.ok(!sent.includes(values) && !(callSite && sent.includes(callSite)));
      }
      assert.ok(!sent.replace('things/SECRET%20words', '').includes('SECRET') && !sent.includes('SAME'));
    }
    // Nor is it in what the page is served, where the line of code may be.
    const told = JSON.stringify(profiler.trace(root.spanContext().traceId));
    assert.ok(told.includes('select ? from t') && told.includes('tracing.test.ts:'));
    assert.ok(!told.includes('SECRET') && notes.every(({ values }) => !told.includes(values)));
  });
});

describe('sampling', () => {
  test('a part of the traces is exported, all are recorded', () => {
    const { tracer, ended } = startTracer(createSampler(0.25, () => true));
    for (let index = 0; index < 4_000; index++) tracer.startSpan('root', {}, ROOT_CONTEXT).end();
    assert.equal(ended.length, 4_000);
    const exported = ended.filter((span) => span.spanContext().traceFlags === 1).length;
    assert.ok(exported > 800 && exported < 1_200, `${exported}`);
  });

  test("a caller's decision holds, and children follow", () => {
    const { tracer, ended } = startTracer(createSampler(0, () => true));
    for (const flags of [0, 1]) {
      const parent = tracer.startSpan('parent', {}, remote(flags));
      tracer.startSpan('child', {}, trace.setSpan(ROOT_CONTEXT, parent)).end();
      parent.end();
    }
    assert.deepEqual(
      ended.map((span) => span.spanContext().traceFlags),
      [0, 0, 1, 1],
    );
  });

  test('in metrics-only mode nothing is recorded, and the ids are passed on', () => {
    const { tracer, ended } = startTracer(createSampler(1, () => false));
    const span = tracer.startSpan('root', {}, remote(1));
    assert.equal(span.isRecording(), false);
    assert.equal(span.spanContext().traceId, 'a'.repeat(32));
    span.end();
    assert.deepEqual(ended, []);
  });

  for (const [sampler, argument, ratio] of [
    [undefined, undefined, 1],
    ['parentbased_traceidratio', '0.1', 0.1],
    ['traceidratio', '0', 0],
    ['traceidratio', 'many', 1],
    ['always_off', undefined, 0],
    ['parentbased_always_on', '0.1', 1],
  ] as const) {
    test(`OTEL_TRACES_SAMPLER=${sampler} with ${argument}: ${ratio}`, () => {
      assert.equal(
        exportRatioFrom({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument }),
        ratio,
      );
    });
  }
});

describe('the cost of the layer itself', () => {
  /** Windows of 10 s, in each of which the layer takes so many microseconds for each request. */
  function windows(medianMs: number) {
    let present = 0;
    const cost = createSelfCost({ medianOf: () => medianMs, now: () => present });
    return {
      cost,
      pass(micros: number, ms = 10_000) {
        for (let index = 0; index < 50; index++) cost.traceTaken('GET /things', micros, 1_000);
        present += ms;
        cost.check();
        return cost.report();
      },
    };
  }

  test('may be 2 % of the median, and 200 µs in any case', () => {
    assert.equal(windows(100).pass(1).limitMicros, 2_000);
    assert.equal(windows(1).pass(1).limitMicros, 200);
  });

  test('beyond that for two windows in a row: metrics only for a minute, and then it tries again', () => {
    const { cost, pass } = windows(100);
    assert.equal(pass(2_100).mode, 'full');
    assert.equal(pass(1_000).mode, 'full');
    assert.equal(pass(2_100).mode, 'full');
    const degraded = pass(2_100);
    assert.equal(degraded.mode, 'metrics-only');
    assert.match(degraded.explanation, /Took 2100 µs for a request and may take 2000 µs: metrics only until/);
    assert.equal(cost.takesTraces(), false);
    assert.equal(pass(0, 59_000).mode, 'metrics-only');
    assert.equal(pass(0, 1_001).mode, 'full');
    assert.equal(cost.takesTraces(), true);
  });

  test('the pause doubles while it does not get better', () => {
    const { pass } = windows(100);
    pass(5_000);
    pass(5_000);
    pass(0, 60_001);
    pass(5_000);
    assert.equal(pass(5_000).mode, 'metrics-only');
    assert.equal(pass(0, 60_001).mode, 'metrics-only');
    const resumed = pass(0, 60_000);
    assert.deepEqual([resumed.mode, resumed.timesDegraded], ['full', 2]);
  });
});
