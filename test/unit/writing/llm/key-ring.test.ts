import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createKeyRing } from '../../../../src/writing/llm/key-ring.ts';
import {
  ModelError,
  type ModelErrorOptions,
  type ModelFault,
} from '../../../../src/writing/llm/model-error.ts';

const enter = async () => () => {};

/** A ring whose clock is the test's, and which of its keys were called. */
function ringOf(count: number) {
  let time = 0;
  const ring = createKeyRing(count, () => time);
  const used: number[] = [];
  return {
    ring,
    used,
    pass(ms: number) {
      time += ms;
    },
    call: () => ring.use(enter, async (index) => used.push(index)),
    fail: (code: ModelFault, options?: ModelErrorOptions) =>
      ring.use(enter, async (index) => {
        used.push(index);
        throw new ModelError(code, options);
      }),
  };
}

describe('key ring', () => {
  test('a key over its quota rests for as long as the provider says, and says so', async () => {
    const { call, fail, pass, used } = ringOf(1);
    await assert.rejects(fail('rate_limited', { retryAfterMs: 5_000 }), {
      code: 'keys_resting',
      retryAfterMs: 5_000,
    });
    pass(4_999);
    await assert.rejects(call(), { code: 'keys_resting', retryAfterMs: 1 });
    pass(1);
    await call();
    assert.deepEqual(used, [0, 0]);
  });

  test('a refused key rests for ten minutes', async () => {
    const { call, fail, pass } = ringOf(1);
    await assert.rejects(fail('key_refused'), { code: 'key_refused' });
    pass(10 * 60_000 - 1);
    await assert.rejects(call(), { code: 'keys_resting' });
    pass(1);
    await call();
  });

  test('another fault is no fault of the key: no other one is tried', async () => {
    const { fail, used } = ringOf(3);
    await assert.rejects(fail('invalid_answer'), { code: 'invalid_answer' });
    assert.deepEqual(used, [0]);
  });

  test('the key is chosen once there is a place, and the place is given back', async () => {
    const { ring, fail, used } = ringOf(1);
    let places = 0;
    const waiting = ring.use(
      async () => {
        // Refused while this one waits.
        await assert.rejects(fail('key_refused'));
        places += 1;
        return () => {
          places -= 1;
        };
      },
      async (index) => used.push(index + 100),
    );
    await assert.rejects(waiting, { code: 'keys_resting' });
    assert.deepEqual(used, [0]);
    assert.equal(places, 0);
  });
});
