import '../../../instrumentation.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { context, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import fc from 'fast-check';
import { toEpochMs } from '../../../src/profiling/tracing/clock.ts';
import { keepTrace } from '../../../src/profiling/tracing/keep-trace.ts';
import type { RecordedSpan } from '../../../src/profiling/tracing/recorded-span.ts';
import { createSampler, exportsByTail } from '../../../src/profiling/tracing/sampler.ts';
import { createTailExport } from '../../../src/profiling/tracing/tail-export.ts';
import { startProfiler } from '../../support/profiler.ts';

const SLOW = { byName: { 'process things': 1_000 }, otherwise: 300 };

/** Spans that no head has chosen, by way of the profiler, as in a process. */
function startTail(mostHeld?: number) {
  const exported: RecordedSpan[] = [];
  const tail = createTailExport({
    exporter: { onEnd: (span) => exported.push(span as RecordedSpan) },
    slowMs: SLOW,
    ...(mostHeld !== undefined && { mostHeld }),
  });
  const { start, settle } = startProfiler({ onTraceEnd: tail.decide }, (span) =>
    tail.onEnd(span as RecordedSpan),
  );
  return { tail, exported, start, settle };
}

/** A span that took so many milliseconds and a little more, whatever the clock says. */
function endAfter(span: Span, ms: number): void {
  span.end(toEpochMs((span as RecordedSpan).startMs + ms + 0.01));
}

const remote = (spanId: string, traceFlags = 0) =>
  trace.setSpanContext(ROOT_CONTEXT, { traceId: 'a'.repeat(32), spanId, traceFlags, isRemote: true });

describe('the export of traces that no head has chosen', () => {
  test('an ordinary one is forgotten', () => {
    const { tail, exported, start, settle } = startTail();
    const root = start('GET /things', undefined);
    endAfter(start('step', root), 10);
    endAfter(root, 299);
    assert.equal(tail.heldSpans(), 2);
    settle();
    assert.deepEqual([exported, tail.heldSpans()], [[], 0]);
  });

  test('one with an error anywhere in it leaves whole, and says so', () => {
    const { exported, start, settle } = startTail();
    const root = start('GET /things', undefined);
    const step = start('step', root);
    endAfter(start('call', step).setStatus({ code: SpanStatusCode.ERROR }), 1);
    endAfter(step, 1);
    endAfter(root, 1);
    settle();
    assert.deepEqual(
      exported.map(({ name, attributes }) => [name, attributes]),
      [
        ['call', {}],
        ['step', {}],
        ['GET /things', { 'profiler.keep': 'error' }],
      ],
    );
    assert.ok(exported.every((span) => span.spanContext().traceFlags === 1));
  });

  test('a slow one leaves, by the limit of its name; a slow part of it is not a slow trace', () => {
    const { exported, start, settle } = startTail();
    endAfter(start('GET /things', undefined), 300);
    endAfter(start('process things', undefined), 999);
    const root = start('GET /others', undefined);
    endAfter(start('in the background', root), 5_000);
    endAfter(root, 1);
    settle();
    assert.deepEqual(
      exported.map(({ name, attributes }) => [name, attributes['profiler.keep']]),
      [['GET /things', 'slow']],
    );
  });

  test('a job whose producer is elsewhere is a root of its own', () => {
    const { exported, start, settle } = startTail();
    endAfter(start('process things', remote('b'.repeat(16))), 1_000);
    settle();
    assert.deepEqual(
      exported.map(({ attributes }) => attributes),
      [{ 'profiler.keep': 'slow' }],
    );
  });

  test('a job that is short and had waited for long is slow, as it was for who waited', () => {
    const { exported, start, settle } = startTail();
    endAfter(start('process things', undefined).setAttribute('profiler.waited_ms', 900), 100);
    endAfter(start('process things', undefined).setAttribute('profiler.waited_ms', 100), 100);
    settle();
    assert.equal(exported.length, 1);
  });

  test('the application may ask for one', () => {
    const { exported, start, settle } = startTail();
    const root = start('POST /things', undefined);
    context.with(trace.setSpan(ROOT_CONTEXT, root), () => keepTrace('degraded'));
    endAfter(root, 1);
    settle();
    assert.deepEqual(
      exported.map(({ attributes }) => attributes),
      [{ 'profiler.keep': 'degraded' }],
    );
  });

  test('what comes late to a chosen trace follows it', () => {
    const { exported, start, settle } = startTail();
    const root = start('POST /things', undefined);
    root.setStatus({ code: SpanStatusCode.ERROR });
    endAfter(root, 1);
    settle();
    endAfter(start('afterwards', root), 1);
    settle();
    assert.deepEqual(
      exported.map(({ name }) => name),
      ['POST /things', 'afterwards'],
    );
  });

  test('what its head has chosen leaves at once', () => {
    const { exported, start, tail } = startTail();
    const span = start('GET /things', undefined) as RecordedSpan;
    span.spanContext().traceFlags = 1;
    endAfter(span, 1);
    assert.deepEqual([exported.length, tail.heldSpans()], [1, 0]);
  });

  test('no more than a number of spans waits: the oldest trace is decided on early', () => {
    const { exported, start, tail } = startTail(10);
    const failing = start('GET /failing', undefined);
    endAfter(failing.setStatus({ code: SpanStatusCode.ERROR }), 1);
    for (let index = 0; index < 100; index++) {
      endAfter(start('GET /things', undefined), 1);
      assert.ok(tail.heldSpans() <= 10);
    }
    assert.deepEqual(
      exported.map(({ name }) => name),
      ['GET /failing'],
    );
  });

  test('the end of the process decides on all that is left', () => {
    const { exported, start, tail } = startTail();
    const root = start('GET /things', undefined);
    endAfter(start('call', root).setStatus({ code: SpanStatusCode.ERROR }), 1);
    tail.flush();
    assert.deepEqual([exported.length, tail.heldSpans()], [1, 0]);
  });

  test('any mixture of traces: those with an error or slow leave whole, each span once, and nothing else', () => {
    const spans = fc.array(
      fc.record({ trace: fc.nat(5), fails: fc.boolean(), ms: fc.constantFrom(1, 299, 300, 900) }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(spans, fc.boolean(), (given, endsByFlush) => {
        const { exported, start, settle, tail } = startTail();
        const roots = new Map<number, { span: Span; ms: number }>();
        const expected = new Set<string>();
        const ids = new Map<string, string[]>();
        for (const { trace: number, fails, ms } of given) {
          const root = roots.get(number);
          const span = start('GET /things', root?.span);
          if (root === undefined) roots.set(number, { span, ms });
          const { traceId, spanId } = span.spanContext();
          ids.set(traceId, [...(ids.get(traceId) ?? []), spanId]);
          if (fails) span.setStatus({ code: SpanStatusCode.ERROR });
          if (fails || (root === undefined && ms >= 300)) expected.add(traceId);
          if (root !== undefined) endAfter(span, ms);
        }
        for (const { span, ms } of roots.values()) endAfter(span, ms);
        if (endsByFlush) tail.flush();
        else settle();
        assert.deepEqual(
          exported.map((span) => span.spanContext().spanId).toSorted(),
          [...expected].flatMap((traceId) => ids.get(traceId) ?? []).toSorted(),
        );
        assert.equal(tail.heldSpans(), 0);
      }),
    );
  });
});

describe('who decides', () => {
  test('the tail, where a ratio is asked for', () => {
    for (const [sampler, expected] of [
      [undefined, false],
      ['always_off', false],
      ['parentbased_always_on', false],
      ['traceidratio', true],
      ['parentbased_traceidratio', true],
    ] as const) {
      assert.equal(exportsByTail({ OTEL_TRACES_SAMPLER: sampler }), expected, `${sampler}`);
    }
  });

  test('two processes with the same ratio choose the same traces, and a higher one all of those and more', () => {
    const [one, other, more] = [0.1, 0.1, 0.3].map((ratio) => createSampler(ratio, () => true));
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f]{32}$/), (traceId) => {
        const chosen = one?.(undefined, traceId);
        assert.equal(chosen, other?.(undefined, traceId));
        if (chosen === 'export') assert.equal(more?.(undefined, traceId), 'export');
      }),
    );
  });
});
