import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  ModelError,
  type ModelErrorOptions,
  type ModelFault,
} from '../../../../src/writing/llm/model-error.ts';
import { retryCalls } from '../../../../src/writing/llm/retry-calls.ts';

const RETRIES = 3;
const AN_HOUR_MS = 3_600_000;

interface Failing {
  readonly code: ModelFault;
  readonly options?: ModelErrorOptions;
  readonly withinMs?: number;
}

/** The waits before each further call of one that always fails with this. */
async function waitsOf({ mock }: TestContext, { code, options, withinMs = AN_HOUR_MS }: Failing) {
  const policy = retryCalls(RETRIES, performance.now() + withinMs);
  const waits: number[] = [];
  let calls = 0;
  policy.onRetry(({ delay }) => {
    waits.push(delay);
    queueMicrotask(() => {
      mock.timers.tick(Math.ceil(delay) - 1);
      assert.equal(calls, waits.length, 'called before its time');
      mock.timers.tick(1);
    });
  });
  const failing = policy.execute(async () => {
    calls += 1;
    throw new ModelError(code, options);
  });
  await assert.rejects(failing, { code });
  assert.equal(calls, waits.length + 1);
  return waits;
}

describe('calls that are made again', () => {
  test('wait by chance: those that failed at the same moment do not come back at the same moment', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const firstWaits = new Set<number>();
    for (let n = 0; n < 50; n++) {
      const waits = await waitsOf(t, { code: 'unavailable' });
      assert.equal(waits.length, RETRIES);
      firstWaits.add(Math.round(waits[0] ?? 0));
    }
    assert.ok(firstWaits.size > 10, `${firstWaits.size} different waits`);
  });

  test('wait for as long as the provider asks for, and by chance after that', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const retryAfterMs = 30_000;
    const more = new Set<number>();
    for (let n = 0; n < 50; n++) {
      for (const wait of await waitsOf(t, { code: 'unavailable', options: { retryAfterMs } })) {
        assert.ok(wait >= retryAfterMs, `${wait} ms`);
        more.add(Math.round(wait - retryAfterMs));
      }
    }
    assert.ok(more.size > 10, `${more.size} different waits`);
  });

  test('are not made when the provider is back too late, or when another call would end the same way', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const options = { retryAfterMs: 30_000 };
    for (const code of ['unavailable', 'keys_resting'] as const) {
      assert.deepEqual(await waitsOf(t, { code, options, withinMs: 25_000 }), []);
    }
    for (const code of [
      'request_refused',
      'blocked',
      'invalid_answer',
      'circuit_open',
      'key_refused',
    ] as const) {
      assert.deepEqual(await waitsOf(t, { code }), []);
    }
    for (const code of ['unavailable', 'connection', 'timeout', 'keys_resting'] as const) {
      assert.equal((await waitsOf(t, { code })).length, RETRIES);
    }
  });
});
