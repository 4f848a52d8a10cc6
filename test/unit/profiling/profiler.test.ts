import '../../../instrumentation.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { startProfiler } from '../../support/profiler.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MEBIBYTE = 1024 * 1024;

describe('the profiler', () => {
  test('stays within its budget in a burst of 100 000 traces, by its own count and on the heap', () => {
    const budgetBytes = 8 * MEBIBYTE;
    const { profiler, request, start, settle } = startProfiler({ budgetBytes });
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    let highest = 0;
    for (let index = 0; index < 100_000; index++) {
      const root = request(`/things/${index % 700}`);
      const status = { code: index % 10 === 0 ? SpanStatusCode.ERROR : SpanStatusCode.UNSET };
      const attributes = { 'server.address': `host-${index}`, 'db.namespace': 'x'.repeat(200) };
      start('query', root, { kind: SpanKind.CLIENT, attributes }).end();
      root.setStatus(status).end();
      if (index % 500 === 0) highest = Math.max(highest, profiler.store().bytes);
    }
    settle();
    collectGarbage();
    const used = process.memoryUsage().heapUsed - before;

    const store = profiler.store();
    assert.ok(highest <= budgetBytes, `${highest} bytes`);
    assert.ok(store.bytes > budgetBytes / 2 && store.bytes <= budgetBytes, `${store.bytes} bytes`);
    assert.ok(used <= budgetBytes * 1.5, `${used} bytes on the heap are counted as ${store.bytes}`);
    assert.equal(store.routes, 500);
    assert.ok(store.overflowedRoutes > 0);
    assert.equal(store.openTraces, 0);
    assert.ok(store.evictedTraces + store.thinnedTraces > 50_000, JSON.stringify(store));
    const counted = profiler.routes().reduce((sum, { requests }) => sum + requests, 0);
    assert.equal(counted, 100_000);
    const { matching } = profiler.traces({ status: 'error' });
    assert.ok(matching >= 50, `${matching} errors`);
  });

  test('a request is of its route, whatever its span is called', () => {
    const { profiler, request, settle } = startProfiler();
    for (const name of ['GET /things', 'GET /others', 'PUT /things', 'GET+/things', 'a request']) {
      request('/things').updateName(name).end();
    }
    settle();
    assert.deepEqual(
      profiler.routes().map(({ route, requests }) => [route, requests]),
      [['GET /things', 5]],
    );
  });

  test('traces that nobody ends are bounded too, and what is lost is told', () => {
    const budgetBytes = MEBIBYTE;
    const { profiler, request, start, settle } = startProfiler({ budgetBytes });
    const left = Array.from({ length: 20_000 }, () => request('/left'));
    settle();
    const { openTraces, bytes } = profiler.store();
    assert.ok(bytes <= budgetBytes && openTraces < 1_000, `${openTraces} open, ${bytes} bytes`);
    // One that was put away ends after all.
    const root = left[0];
    assert.ok(root);
    start('late', root).end();
    root.end();
    settle();
    const { traces } = profiler.traces({ text: root.spanContext().traceId });
    assert.ok(traces.every(({ unfinished }) => !unfinished));
  });

  test('keeps 2 000 spans of a trace, and 2 048 characters of an attribute', () => {
    const { profiler, request, start, settle } = startProfiler();
    const root = request('/large');
    for (let index = 0; index < 2_500; index++) {
      start('part', root, { attributes: { 'server.address': 'x'.repeat(index === 0 ? 5_000 : 1) } }).end();
    }
    root.end();
    settle();
    const [summary] = profiler.traces().traces;
    assert.equal(summary?.spans, 2_000);
    assert.equal(summary?.droppedSpans, 501);
    assert.equal(profiler.store().truncatedAttributes, 1);
  });

  test('what goes on after the answer joins its trace, and counts as work of its own', () => {
    const { profiler, request, start, settle } = startProfiler();
    const root = request('/accepted');
    const send = start('send', root, { kind: SpanKind.PRODUCER });
    const { traceId, spanId } = send.spanContext();
    send.end();
    root.end();
    settle();
    assert.equal(profiler.trace(traceId)?.units.length, 1);

    const carried = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 0, isRemote: true });
    const job = start('process', carried, { kind: SpanKind.CONSUMER });
    start('work', job).end();
    job.end();
    settle();

    const whole = profiler.trace(traceId);
    assert.deepEqual(
      whole?.units.map(({ route }) => route),
      ['GET /accepted', 'process'],
    );
    assert.equal(whole?.route, 'GET /accepted');
    assert.deepEqual(
      whole?.rows.map(({ name, depth }) => [name, depth]),
      [
        ['GET', 0],
        ['send', 1],
        ['process', 0],
        ['work', 1],
      ],
    );
    assert.equal(profiler.route('GET /accepted')?.requests, 1);
    assert.deepEqual([profiler.route('process')?.requests, profiler.route('process')?.kind], [1, 'consumer']);
  });

  test('what ends after the answer is put to its trace, and nothing of it is counted twice', () => {
    const { profiler, request, start, settle, hooks, within } = startProfiler();
    const requests = Array.from({ length: 12 }, () => {
      const root = request('/early', { startTime: 0 });
      for (let index = 0; index < 5; index++) {
        const attributes = { 'db.system.name': 'postgresql' };
        const query = start('query', root, { kind: SpanKind.CLIENT, attributes, startTime: index * 10 });
        within(root, () =>
          hooks.statement(query, { query: { text: 'select * from t where id = $1', values: [index] } }),
        );
        query.end(index * 10 + 10);
      }
      root.end(60);
      return root;
    });
    settle();
    for (const root of requests) start('late', root).end();
    settle();
    const [group] = profiler.findings();
    assert.equal(group?.occurrences, 12);
    assert.equal(profiler.findingCounts().find(({ rule }) => rule === 'n-plus-one')?.count, 12);
    const detail = profiler.trace(requests[0]?.spanContext().traceId ?? '');
    assert.deepEqual([detail?.spans, detail?.units.length], [7, 1]);
    assert.deepEqual(
      profiler.routes().map(({ route, requests }) => [route, requests]),
      [['GET /early', 12]],
    );
  });

  test('what a request left running is no route of its own when the request is no longer kept', () => {
    const { profiler, request, start, settle } = startProfiler();
    // Of those that are alike some are kept; the rest are counted, and gone.
    const requests = Array.from({ length: 100 }, () => request('/many', { startTime: 0 }));
    for (const root of requests) root.end(1);
    settle();
    assert.ok(profiler.store().thinnedTraces > 50);
    for (const root of requests) start('late', root).end();
    settle();
    assert.deepEqual(
      profiler.routes().map(({ route, requests }) => [route, requests]),
      [['GET /many', 100]],
    );
  });

  test('look-ups of a span that is cut off, and ends later, are counted once', () => {
    const { profiler, request, settle } = startProfiler({ budgetBytes: MEBIBYTE });
    const root = request('/cut');
    const lookUp = () =>
      root.addEvent('cache.lookup', {
        'cache.name': 'things',
        'cache.result': 'miss',
        'cache.duration_ms': 1,
      });
    lookUp();
    // Those that nobody ends push the oldest out.
    for (let index = 0; index < 1_000; index++) request('/left');
    settle();
    assert.equal(profiler.trace(root.spanContext().traceId)?.unfinished, true);
    lookUp();
    root.end();
    settle();
    assert.equal(profiler.overview().caches[0]?.lookups, 2);
  });

  test('what a span is told after it was cut off is not kept beside what it had then', () => {
    const { profiler, request, settle } = startProfiler({ budgetBytes: MEBIBYTE });
    const root = request('/cut');
    for (let index = 0; index < 1_000; index++) request('/left');
    settle();
    root.setAttribute('what.a.user.wrote', 'too tired to go out');
    const detail = profiler.trace(root.spanContext().traceId);
    assert.equal(detail?.unfinished, true);
    assert.ok(!JSON.stringify(detail).includes('too tired'));
  });

  test('a process that has no root shows its part, and says so', () => {
    const { profiler, start, settle } = startProfiler();
    const traceId = 'a'.repeat(32);
    const elsewhere = trace.setSpanContext(ROOT_CONTEXT, {
      traceId,
      spanId: 'b'.repeat(16),
      traceFlags: 1,
      isRemote: true,
    });
    const job = start('process', elsewhere, { kind: SpanKind.CONSUMER });
    start('work', job).end();
    job.end();
    settle();
    const part = profiler.trace(traceId);
    assert.deepEqual([part?.route, part?.continuesElsewhere, part?.spans], ['process', true, 2]);
  });

  test('shares of the steps sum to the whole, at p50 and at p95', () => {
    const { profiler, request, start, settle } = startProfiler();
    for (let index = 1; index <= 40; index++) {
      const root = request('/shared', { startTime: 0 });
      const step = start('sources', root, { startTime: index, attributes: { 'profiler.step': 'sources' } });
      step.end(index * 3.4);
      root.end(index * 4);
    }
    settle();
    const route = profiler.route('GET /shared');
    const sum = (key: 'shareAtP50' | 'shareAtP95') =>
      route?.steps.reduce((all, share) => all + share[key], 0) ?? 0;
    assert.ok(Math.abs(sum('shareAtP50') - 1) < 1e-6 && Math.abs(sum('shareAtP95') - 1) < 1e-6);
    assert.deepEqual(
      route?.steps.map(({ step, shareAtP50 }) => [step, Number(shareAtP50.toFixed(3))]),
      [
        ['sources', 0.6],
        ['(own work)', 0.4],
      ],
    );
    assert.equal(route?.verdict?.route, 'GET /shared');
    assert.deepEqual([route?.durationMs.p50, route?.durationMs.p95, route?.durationMs.max], [80, 152, 160]);
  });

  test('finds, names the line of, and mutes a loop of queries', () => {
    const { profiler, request, start, settle, hooks, within } = startProfiler();
    const root = request('/looped', { startTime: 0 });
    for (let index = 0; index < 12; index++) {
      const attributes = { 'db.system.name': 'postgresql' };
      const query = start('query', root, { kind: SpanKind.CLIENT, attributes, startTime: index * 10 });
      within(root, () =>
        hooks.statement(query, { query: { text: 'select * from t where id = $1', values: [index] } }),
      );
      query.end(index * 10 + 10);
    }
    root.end(130);
    settle();

    const verdict = profiler.overview().verdict;
    assert.equal(verdict?.reason?.rule, 'n-plus-one');
    assert.match(verdict?.reason?.callSite ?? '', /^test\/unit\/profiling\/profiler\.test\.ts:\d+$/);
    assert.match(
      verdict?.text ?? '',
      /^The bottleneck of GET \/looped is "SELECT t": \d+ % of the critical path/,
    );
    assert.equal(profiler.traces({ rule: 'n-plus-one' }).matching, 1);

    const [group] = profiler.findings();
    assert.ok(group);
    assert.equal(profiler.mute(group.fingerprint, 'being mended'), true);
    assert.equal(profiler.overview().findings.length, 0);
    assert.equal(profiler.overview().verdict?.reason, undefined);
    assert.equal(profiler.findings()[0]?.mutedReason, 'being mended');
  });

  test('the reason is about the step itself or the run; what is elsewhere is told as that', () => {
    const { profiler, request, start, settle } = startProfiler();
    const root = request('/waiting', { startTime: 0 });
    start('wait for a connection', root, { startTime: 0, attributes: { 'profiler.wait': 'pool' } }).end(60);
    start('llm.wait', root, { startTime: 60 }).end(300);
    root.end(310);
    settle();
    const verdict = profiler.overview().verdict;
    assert.deepEqual([verdict?.step, verdict?.reason], ['llm.wait', undefined]);
    assert.equal(verdict?.elsewhere?.rule, 'pool-exhausted');
    assert.deepEqual(verdict?.elsewhere?.about, ['wait for a connection']);
    assert.doesNotMatch(verdict?.text ?? '', /connection/);
  });

  test('what a request does itself is not called by the name of the request', () => {
    const { profiler, request, start, settle } = startProfiler();
    const root = request('/itself', { startTime: 0 });
    start('call', root, { startTime: 0, kind: SpanKind.CLIENT }).end(10);
    root.end(100);
    settle();
    const verdict = profiler.overview().verdict;
    assert.equal(verdict?.step, '(own work)');
    assert.match(
      verdict?.text ?? '',
      /^The bottleneck of GET \/itself is its own work, outside of every step/,
    );
  });

  test('takes the values out of a statement that nobody has taken them out of', () => {
    const { profiler, request, start, settle } = startProfiler();
    const root = request('/literal');
    const attributes = {
      'db.system.name': 'mysql',
      'db.query.text': "select * from t where word = 'secret'",
    };
    start('query', root, { kind: SpanKind.CLIENT, attributes }).end();
    start('get', root, { attributes: { 'db.system.name': 'redis', 'db.query.text': 'get secret' } }).end();
    root.end();
    settle();
    const detail = profiler.trace(root.spanContext().traceId);
    assert.equal(detail?.rows[1]?.attributes['db.query.text'], 'select * from t where word = ?');
    assert.ok(!JSON.stringify(detail).includes('secret'));
  });

  test('searches by text, route, status and time', () => {
    const { profiler, request, start, settle } = startProfiler();
    for (const [route, name, endsAt, code] of [
      ['/a', 'read file', 10, SpanStatusCode.UNSET],
      ['/b', 'Write File', 500, SpanStatusCode.UNSET],
      ['/b', 'nothing', 20, SpanStatusCode.ERROR],
    ] as const) {
      const root = request(route, { startTime: 0 });
      start(name, root, { startTime: 0 }).end(endsAt);
      root.setStatus({ code }).end(endsAt);
    }
    settle();
    const count = (query: Parameters<typeof profiler.traces>[0]) => profiler.traces(query).matching;
    assert.equal(count({}), 3);
    assert.equal(count({ text: 'FILE' }), 2);
    assert.equal(count({ route: 'GET /b' }), 2);
    assert.equal(count({ status: 'error' }), 1);
    assert.equal(count({ minDurationMs: 100 }), 1);
    assert.equal(count({ route: 'GET /a', status: 'error' }), 0);
    const slowest = profiler.traces({ order: 'slowest', limit: 1 });
    assert.deepEqual([slowest.traces[0]?.durationMs, slowest.matching], [500, 3]);
  });

  test('waits and gaps are bands of their own', () => {
    const { profiler, request, start, settle } = startProfiler();
    const root = request('/waits', { startTime: 0 });
    start('wait for a connection', root, { startTime: 10, attributes: { 'profiler.wait': 'pool' } }).end(30);
    start('limit', root, { startTime: 30, attributes: { 'profiler.wait': 'limiter' } }).end(40);
    const send = start('send', root, { startTime: 40, kind: SpanKind.PRODUCER });
    send.end(41);
    start('process', send, { startTime: 61, kind: SpanKind.CONSUMER }).end(90);
    root.end(100);
    settle();
    const detail = profiler.trace(root.spanContext().traceId);
    const shape = (band: { startMs: number; durationMs: number }) => [
      Math.round(band.startMs),
      Math.round(band.durationMs),
    ];
    assert.deepEqual(
      detail?.waits.map((band) => [band.wait, ...shape(band)]),
      [
        ['pool', 10, 20],
        ['limiter', 30, 10],
        ['queue', 41, 20],
      ],
    );
    assert.deepEqual(detail?.gaps.map(shape), [
      [0, 10],
      [90, 10],
    ]);
    const path = detail?.units[0]?.criticalPath ?? [];
    assert.ok(Math.abs(path.reduce((sum, { durationMs }) => sum + durationMs, 0) - 100) < 0.01);
  });
});
