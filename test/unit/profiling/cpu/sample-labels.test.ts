import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { labelsOfSample } from '../../../../src/profiling/cpu/sample-labels.ts';
import type { ActiveStep, Activity, Work } from '../../../../src/profiling/work.ts';

const activity: Activity = {
  kind: 'request',
  route: 'GET /a/:id',
  readRoute: undefined,
  traceId: '0'.repeat(32),
  startedAt: 0,
  endedAt: undefined,
  steps: 0,
};
const step: ActiveStep = { name: 'parse', startedAt: 0, endedAt: undefined, resource: undefined };

function labelsOf(work: Work | undefined, msAgo: number): Record<string, string | number> {
  const timestamp = BigInt(Math.round((Date.now() - msAgo) * 1000));
  const { at, ...labels } = labelsOfSample()({ context: { timestamp, ...(work ? { context: work } : {}) } });
  assert.equal(at, Number(timestamp));
  return labels;
}

describe('a sample', () => {
  test('has the names of its step and its route', () => {
    assert.deepEqual(labelsOf({ activity, step }, 10), { step: 'parse', route: 'GET /a/:id' });
    assert.deepEqual(labelsOf({ activity, step: undefined }, 10), { route: 'GET /a/:id' });
    assert.deepEqual(labelsOf({ activity: undefined, step }, 10), { step: 'parse' });
    assert.deepEqual(labelsOf(undefined, 10), {});
  });

  test('counts for no step that had ended: its connections read for others in its context', () => {
    const ended = { ...step, endedAt: performance.now() - 100 };
    assert.deepEqual(labelsOf({ activity, step: ended }, 10), { route: 'GET /a/:id' });
    assert.deepEqual(labelsOf({ activity, step: ended }, 110), { step: 'parse', route: 'GET /a/:id' });
  });

  test('counts for no request that was answered, unless a step of it goes on', () => {
    const answered = { ...activity, endedAt: performance.now() - 100 };
    assert.deepEqual(labelsOf({ activity: answered, step: undefined }, 10), {});
    assert.deepEqual(labelsOf({ activity: answered, step }, 10), { step: 'parse', route: 'GET /a/:id' });
  });

  test('of another thread has none', () => {
    assert.deepEqual(labelsOfSample()({}), {});
  });
});
