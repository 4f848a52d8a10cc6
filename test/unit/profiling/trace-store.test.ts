import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createThinning } from '../../../src/profiling/store/thinning.ts';
import { createTraceStore, type StoredTrace } from '../../../src/profiling/store/trace-store.ts';

function trace(traceId: string, more: Partial<StoredTrace> = {}): StoredTrace {
  return {
    traceId,
    spans: [],
    droppedSpans: 0,
    route: 'GET /things',
    rootId: 'root',
    start: 0,
    durationMs: 1,
    failed: false,
    units: [],
    findings: [],
    bytes: 100,
    ...more,
  };
}

const idsOf = (store: ReturnType<typeof createTraceStore>) => store.all().map(({ traceId }) => traceId);

describe('thinning', () => {
  test('keeps 20 of one route in one second, and counts the rest', () => {
    const thinning = createThinning();
    const kept = (route: string, ms: number) =>
      Array.from({ length: 100 }, () => thinning.keeps(route, ms)).filter(Boolean).length;
    assert.deepEqual([kept('a', 5_000), kept('b', 5_999), kept('a', 6_000)], [20, 20, 20]);
    assert.equal(thinning.thinned(), 240);
  });
});

describe('the trace store', () => {
  test('evicts whole traces, the oldest first, and says how many', () => {
    const store = createTraceStore({ room: () => 1_000 });
    // The first five are pinned: they are the slowest so far, and stay so.
    for (let index = 0; index < 20; index++) store.put(trace(`t${index}`));
    assert.deepEqual(
      idsOf(store).sort(),
      ['t0', 't1', 't2', 't3', 't4', 't15', 't16', 't17', 't18', 't19'].sort(),
    );
    assert.equal(store.bytes(), 1_000);
    assert.equal(store.statistics().evictedTraces, 10);
  });

  test('keeps the 5 slowest of each route', () => {
    const store = createTraceStore({ room: () => 2_000 });
    for (let index = 0; index < 100; index++) {
      const route = index % 2 ? 'GET /a' : 'GET /b';
      store.put(trace(`t${index}`, { route, durationMs: index < 10 ? 1_000 + index : 1 }));
    }
    assert.deepEqual(
      store.slowest('GET /a').map(({ traceId }) => traceId),
      ['t9', 't7', 't5', 't3', 't1'],
    );
    assert.deepEqual(
      store.slowest('GET /b').map(({ traceId }) => traceId),
      ['t8', 't6', 't4', 't2', 't0'],
    );
    assert.ok(
      store.slowest('GET /a').every((slow) => store.pinnedFor(slow) === 'slow' && store.find(slow.traceId)),
    );
    assert.equal(store.bytes(), 2_000);
  });

  test('a slower one takes the place of the least slow', () => {
    const store = createTraceStore({ room: () => 10_000 });
    for (const durationMs of [5, 1, 4, 2, 3, 9]) store.put(trace(`t${durationMs}`, { durationMs }));
    assert.deepEqual(
      store.slowest('GET /things').map(({ durationMs }) => durationMs),
      [9, 5, 4, 3, 2],
    );
    const displaced = store.find('t1');
    assert.ok(displaced);
    assert.equal(store.pinnedFor(displaced), undefined);
  });

  test('keeps the last 50 errors', () => {
    const store = createTraceStore({ room: () => 6_000 });
    for (let index = 0; index < 70; index++)
      store.put(trace(`e${index}`, { failed: true, durationMs: 0, route: 'GET /e' }));
    for (let index = 0; index < 100; index++) store.put(trace(`t${index}`));
    const errors = store.all().filter((kept) => store.pinnedFor(kept) === 'error');
    assert.deepEqual(
      errors.map(({ traceId }) => traceId),
      Array.from({ length: 50 }, (_, index) => `e${index + 20}`),
    );
  });

  test('pins count: they go too when there is nothing else', () => {
    let room = 5_000;
    const store = createTraceStore({ room: () => room });
    for (let index = 0; index < 50; index++) store.put(trace(`e${index}`, { failed: true }));
    room = 500;
    store.makeRoom();
    assert.deepEqual(idsOf(store), ['e45', 'e46', 'e47', 'e48', 'e49']);
    assert.equal(store.bytes(), 500);
  });

  test('more of a trace takes its place, and one larger than all the room is dropped', () => {
    const store = createTraceStore({ room: () => 1_000 });
    store.put(trace('a', { failed: true }));
    store.put(trace('a', { bytes: 300 }));
    assert.deepEqual([store.bytes(), store.statistics().traces], [300, 1]);
    store.put(trace('b', { bytes: 1_001 }));
    assert.equal(store.find('b'), undefined);
    assert.equal(store.statistics().droppedTraces, 1);
  });
});
