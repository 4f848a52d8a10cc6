import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { watchSlowRoutes } from '../../../../src/profiling/cpu/slow-routes.ts';

const ROUTE = 'GET /things/:id';
const MINUTE = 60_000;

function watch() {
  const alarms: string[] = [];
  const clock = { now: 0 };
  const tell = watchSlowRoutes(
    (route) => alarms.push(route),
    () => clock.now,
  );
  const times = (count: number, ms: number, route = ROUTE): void => {
    for (let request = 0; request < count; request++) tell(route, ms);
  };
  return { alarms, clock, times };
}

describe('a route that becomes slow', () => {
  test('is told when four of its last twenty requests are beyond its p99', () => {
    const { alarms, times } = watch();
    times(250, 200);
    times(3, 300);
    assert.deepEqual(alarms, []);
    times(1, 300);
    assert.deepEqual(alarms, [ROUTE]);
  });

  test('is not told when the slow ones are far apart', () => {
    const { alarms, times } = watch();
    times(250, 200);
    for (let round = 0; round < 4; round++) {
      times(1, 300);
      times(19, 200);
    }
    assert.deepEqual(alarms, []);
  });

  test('is not told before there are enough requests to know its p99', () => {
    const { alarms, times } = watch();
    times(180, 200);
    times(19, 300);
    assert.deepEqual(alarms, []);
  });

  test('is not told while nobody would notice', () => {
    const { alarms, times } = watch();
    times(250, 5);
    times(20, 99);
    assert.deepEqual(alarms, []);
  });

  test('is told once in ten minutes, as is any other route', () => {
    const { alarms, clock, times } = watch();
    const other = 'POST /things';
    times(250, 200);
    times(250, 200, other);
    times(4, 300);
    clock.now = 9 * MINUTE;
    times(20, 400);
    times(4, 300, other);
    assert.deepEqual(alarms, [ROUTE]);
    clock.now = 10 * MINUTE;
    times(1, 300, other);
    assert.deepEqual(alarms, [ROUTE, other]);
  });
});

test('a route that is as slow as ever is never told', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 60_000 }), fc.integer({ min: 1, max: 2_000 }), (ms, count) => {
      const { alarms, times } = watch();
      times(count, ms);
      assert.deepEqual(alarms, []);
    }),
  );
});
