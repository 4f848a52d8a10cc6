// First, as in `npm start`: it sets the context and the tracer that all of this goes by.
import '../../../instrumentation.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { enterRequest, onRequestEnd } from '../../../src/profiling/activity.ts';
import { inFlightNow } from '../../../src/profiling/live/in-flight.ts';
import { createStepRecorder } from '../../../src/profiling/step.ts';

const tracer = trace.getTracer('test');
const record = createStepRecorder({ metric: { name: 'test.step.duration', description: 'Of this test.' } });
const STEP = { name: 'resize', after: [] };

/** What is under way, without its times. */
const underWay = () =>
  inFlightNow().oldest.map(({ kind, route, answered, steps }) => ({
    ...{ kind, route, answered },
    steps: steps.map(({ name }) => name),
  }));

/** Consumes what `carrier` says was sent, in a step that ends when the test says so. */
function consume(carrier: Record<string, string>): () => Promise<void> {
  const parent = propagation.extract(ROOT_CONTEXT, carrier);
  const span = tracer.startSpan('process images', { kind: SpanKind.CONSUMER }, parent);
  const gate = Promise.withResolvers<void>();
  const done = context.with(trace.setSpan(parent, span), () => record(STEP, {}, () => gate.promise));
  return async () => {
    gate.resolve();
    await done;
    span.end();
  };
}

describe('what is under way', () => {
  test('a job of another process, by the name of its span', async () => {
    const end = consume({ traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` });
    assert.deepEqual(underWay(), [
      { kind: 'job', route: 'process images', answered: false, steps: ['resize'] },
    ]);
    assert.equal(inFlightNow().oldest[0]?.traceId, 'a'.repeat(32));
    await end();
    assert.deepEqual(underWay(), []);
  });

  test('a job of a request counts for it, also when that was answered meanwhile', async () => {
    const ended: string[] = [];
    const unlisten = onRequestEnd((route) => ended.push(route));
    const span = tracer.startSpan('POST', { kind: SpanKind.SERVER, root: true });
    const leave = enterRequest(span, () => 'POST /images/:id');
    const carrier: Record<string, string> = {};
    context.with(trace.setSpan(ROOT_CONTEXT, span), () => {
      const producer = tracer.startSpan('send images', { kind: SpanKind.PRODUCER });
      propagation.inject(trace.setSpan(context.active(), producer), carrier);
      producer.end();
    });
    const end = consume(carrier);
    const expected = { kind: 'request', route: 'POST /images/:id', answered: false, steps: ['resize'] };
    assert.deepEqual(underWay(), [expected]);
    leave(performance.now());
    span.end();
    assert.deepEqual(underWay(), [{ ...expected, answered: true }]);
    await end();
    assert.deepEqual(underWay(), []);
    unlisten();
    assert.deepEqual(ended, ['POST /images/:id']);
  });

  test('a step of neither', async () => {
    const gate = Promise.withResolvers<void>();
    const done = record(STEP, {}, () => gate.promise);
    assert.deepEqual(underWay(), [{ kind: 'step', route: undefined, answered: false, steps: ['resize'] }]);
    gate.resolve();
    await done;
    assert.deepEqual(underWay(), []);
  });

  test('a step is over when it fails, also before it has anything to wait for', async () => {
    const fail = () => {
      throw new RangeError('too early');
    };
    await assert.rejects(record(STEP, {}, fail), RangeError);
    await assert.rejects(
      record(STEP, {}, async () => fail()),
      RangeError,
    );
    assert.deepEqual(underWay(), []);
  });

  test('the oldest hundred of very many, and how many there are', () => {
    const requests = Array.from({ length: 150 }, (_, index) =>
      enterRequest(tracer.startSpan('GET', { root: true }), () => (index % 2 ? 'GET /a' : undefined)),
    );
    const { count, byRoute, oldest } = inFlightNow();
    assert.deepEqual(
      { count, byRoute, shown: oldest.length },
      { count: 150, byRoute: { 'GET /a': 75, '': 75 }, shown: 100 },
    );
    for (const leave of requests) leave(performance.now());
    assert.equal(inFlightNow().count, 0);
  });
});
