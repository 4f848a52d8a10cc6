import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ROOT_CONTEXT, type SpanContext, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import { createCollector } from '../../../src/profiling/store/collector.ts';
import { createTracerProvider } from '../../../src/profiling/tracing/tracer-provider.ts';

/** A collector with a clock of its own, and tracers whose spans it is given. */
function startCollector({ budgetBytes = 1_000_000 } = {}) {
  let present = 0;
  const taken: string[][] = [];
  const looks: number[] = [];
  const areNew: boolean[] = [];
  const collector = createCollector({
    spansPerTrace: 100,
    budgetBytes,
    onTrace: ({ spans, isNew }) => {
      taken.push(spans.map(({ name }) => name));
      areNew.push(isNew);
    },
    onLook: () => looks.push(taken.length),
    now: () => present,
  });
  const provider = createTracerProvider({
    resource: emptyResource(),
    sampler: () => 'record',
    listener: { onStart: collector.started, onEnd: collector.ended },
  });
  const tracer = provider.getTracer('test');
  const root = tracer.startSpan('request', { kind: SpanKind.SERVER }, ROOT_CONTEXT);
  return {
    root,
    collector,
    startRequest: () => tracer.startSpan('next', { kind: SpanKind.SERVER }, ROOT_CONTEXT),
    looks,
    /** Of each trace that was put away, whether nothing of it can have been before. */
    areNew,
    child: (name: string, kind = SpanKind.INTERNAL, above = root) =>
      tracer.startSpan(name, { kind }, trace.setSpan(ROOT_CONTEXT, above)),
    /** A span whose parent came by a message: in this process there is no more than its ids. */
    received: (name: string, { traceId, spanId }: SpanContext) => {
      const parent = { traceId, spanId, traceFlags: TraceFlags.NONE, isRemote: true };
      const within = trace.setSpanContext(ROOT_CONTEXT, parent);
      return tracer.startSpan(name, { kind: SpanKind.CONSUMER }, within);
    },
    /** What has been put away at that time, in milliseconds. */
    at(ms: number) {
      // What has happened by now has happened now, not when the next look is.
      collector.sweep();
      present = ms;
      collector.sweep();
      return taken.splice(0);
    },
  };
}

describe('a trace is put away', () => {
  test('20 ms after the answer of a request that nothing was handed on from', () => {
    const { root, child, at } = startCollector();
    child('step').end();
    root.end();
    assert.deepEqual(at(19), []);
    assert.deepEqual(at(20), [['step', 'request']]);
  });

  for (const kind of [SpanKind.PRODUCER, SpanKind.CONSUMER]) {
    test(`200 ms after everything has ended, where there was a queue (${SpanKind[kind]})`, () => {
      const { root, child, at } = startCollector();
      child('message', kind).end();
      root.end();
      assert.deepEqual(at(199), []);
      assert.deepEqual(at(200), [['message', 'request']]);
    });
  }

  test('not while something runs that began before the answer, or begins after it', () => {
    const { root, child, at } = startCollector();
    const early = child('early');
    root.end();
    assert.deepEqual(at(300), []);
    early.end();
    assert.deepEqual(at(310), []);
    const late = child('late');
    assert.deepEqual(at(600), []);
    late.end();
    assert.deepEqual(at(620), [['request', 'early', 'late']]);
  });

  test('what begins later than that comes by itself', () => {
    const { root, child, at } = startCollector();
    child('step').end();
    root.end();
    assert.deepEqual(at(50), [['step', 'request']]);
    child('late').end();
    assert.deepEqual(at(249), []);
    assert.deepEqual(at(250), [['late']]);
  });
});

describe('one trace is', () => {
  for (const kind of [SpanKind.PRODUCER, SpanKind.CLIENT]) {
    test(`what was sent from here and came back here (${SpanKind[kind]})`, () => {
      const { root, child, received, at } = startCollector();
      const send = child('send', kind);
      send.end();
      root.end();
      received('work', send.spanContext()).end();
      assert.deepEqual(at(500), [['send', 'request', 'work']]);
    });
  }

  test('what comes back here when the rest has been put away', () => {
    const { root, child, received, at } = startCollector();
    const send = child('send', SpanKind.CLIENT);
    send.end();
    root.end();
    assert.deepEqual(at(500), [['send', 'request']]);
    received('work', send.spanContext()).end();
    assert.deepEqual(at(1_000), [['work']]);
  });

  test('what came from elsewhere by the same message', () => {
    const { root, received, at } = startCollector();
    root.end();
    assert.deepEqual(at(300), [['request']]);
    const elsewhere = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.NONE };
    received('first', elsewhere).end();
    received('second', elsewhere).end();
    assert.deepEqual(at(600), [['first', 'second']]);
  });
});

test('a trace is new unless something of it can have been put away before', () => {
  const { root, child, received, areNew, at } = startCollector();
  assert.deepEqual(at(600_000), [['request']]);
  assert.deepEqual(areNew, [true]);
  root.end();
  child('late').end();
  received('later still', root.spanContext()).end();
  assert.deepEqual(at(600_300).flat(), ['request', 'late', 'later still']);
  assert.ok(areNew.slice(1).every((isNew) => !isNew));
});

test('what had ended when there was no room for its trace is put away once', () => {
  const { root, child, startRequest, collector, at } = startCollector({ budgetBytes: 1_000 });
  const early = child('early');
  early.end();
  root.end();
  const next = startRequest();
  assert.deepEqual(at(300), [['request', 'early']]);
  next.end();
  assert.deepEqual(at(600), [['next']]);
  assert.equal(collector.openTraces(), 0);
  assert.equal(collector.bytes(), 0);
});

test('what is quiet makes room before what still runs, though that is older', () => {
  const { root, child, startRequest, at } = startCollector({ budgetBytes: 2_000 });
  const quiet = startRequest();
  child('step', SpanKind.INTERNAL, quiet).end();
  quiet.end();
  assert.deepEqual(at(0), []);
  const last = startRequest();
  assert.deepEqual(at(0), [['step', 'next']]);
  root.end();
  last.end();
  assert.deepEqual(at(300), [['request'], ['next']]);
});

test('spans beyond the limit of their trace take no room when they have ended', () => {
  const { child, collector } = startCollector();
  const sizeAfter = (count: number) => {
    for (let number = 0; number < count; number++) child('step').end();
    collector.sweep();
    return collector.bytes();
  };
  const full = sizeAfter(100);
  assert.equal(sizeAfter(300), full);
});

test('a request that ends long after it was put away comes with what still runs in it', () => {
  const { root, child, at } = startCollector();
  assert.deepEqual(at(600_000), [['request']]);
  const late = child('late');
  root.end();
  assert.deepEqual(at(600_300), []);
  late.end();
  assert.deepEqual(at(600_600), [['request', 'late']]);
});

test('whoever waits for a look at the spans is told of it: of many at once, and when time has passed', () => {
  const { child, looks, at } = startCollector();
  for (let number = 0; number < 127; number++) child(`${number}`).end();
  assert.deepEqual(looks, []);
  child('last').end();
  assert.deepEqual(looks, [0]);
  at(0);
  assert.deepEqual(looks, [0, 0, 0]);
});
