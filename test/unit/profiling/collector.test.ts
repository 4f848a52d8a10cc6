import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import { createCollector } from '../../../src/profiling/store/collector.ts';
import { createTracerProvider } from '../../../src/profiling/tracing/tracer-provider.ts';

/** A collector with a clock of its own, and tracers whose spans it is given. */
function startCollector() {
  let present = 0;
  const taken: string[][] = [];
  const looks: number[] = [];
  const collector = createCollector({
    spansPerTrace: 100,
    budgetBytes: 1_000_000,
    onTrace: ({ spans }) => taken.push(spans.map(({ name }) => name)),
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
  const inside = trace.setSpan(ROOT_CONTEXT, root);
  return {
    root,
    looks,
    child: (name: string, kind = SpanKind.INTERNAL) => tracer.startSpan(name, { kind }, inside),
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

  test('200 ms after everything has ended, where something was put into a queue', () => {
    const { root, child, at } = startCollector();
    child('send', SpanKind.PRODUCER).end();
    root.end();
    assert.deepEqual(at(199), []);
    assert.deepEqual(at(200), [['send', 'request']]);
  });

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

test('whoever waits for a look at the spans is told of it: of many at once, and when time has passed', () => {
  const { child, looks, at } = startCollector();
  for (let number = 0; number < 127; number++) child(`${number}`).end();
  assert.deepEqual(looks, []);
  child('last').end();
  assert.deepEqual(looks, [0]);
  at(0);
  assert.deepEqual(looks, [0, 0, 0]);
});
