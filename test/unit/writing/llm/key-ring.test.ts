import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createKeyRing } from '../../../../src/writing/llm/key-ring.ts';
import {
  ModelError,
  type ModelErrorOptions,
  type ModelFault,
} from '../../../../src/writing/llm/model-error.ts';

const enter = async () => () => {};

const BREAK_AFTER = 5;
const BREAK_MS = 10_000;

/** A ring whose clock is the test's, and which of its keys were called. */
function ringOf(context: TestContext, count: number) {
  context.mock.timers.enable({ apis: ['Date'] });
  const ring = createKeyRing(count);
  const used: number[] = [];
  const fail = (code: ModelFault, options?: ModelErrorOptions) =>
    ring.use(enter, async (index) => {
      used.push(index);
      throw new ModelError(code, options);
    });
  return {
    ring,
    used,
    fail,
    pass: (ms: number) => context.mock.timers.tick(ms),
    call: () => ring.use(enter, async (index) => used.push(index)),
    /** A call that ends when the test says how. */
    hold() {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const ended = ring.use(enter, (index) => {
        used.push(index);
        return promise;
      });
      return { ended, resolve, reject };
    },
    async breakAll() {
      for (let n = 0; n < BREAK_AFTER * count; n++) await assert.rejects(fail('unavailable'));
    },
  };
}

describe('key ring', () => {
  test('a key over its quota rests for as long as the provider says, and says so', async (t) => {
    const { call, fail, pass, used } = ringOf(t, 1);
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

  test('a refused key rests for ten minutes', async (t) => {
    const { call, fail, pass } = ringOf(t, 1);
    await assert.rejects(fail('key_refused'), { code: 'key_refused' });
    pass(10 * 60_000 - 1);
    await assert.rejects(call(), { code: 'keys_resting' });
    pass(1);
    await call();
  });

  test('another fault is no fault of the key: no other one is tried', async (t) => {
    const { fail, used } = ringOf(t, 3);
    await assert.rejects(fail('invalid_answer'), { code: 'invalid_answer' });
    assert.deepEqual(used, [0]);
  });

  test('the key is chosen once there is a place, and the place is given back', async (t) => {
    const { ring, fail, used } = ringOf(t, 1);
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

  test('a key whose calls fail five times in a row is left alone for ten seconds', async (t) => {
    const { ring, call, fail, pass, used } = ringOf(t, 1);
    for (let n = 1; n < BREAK_AFTER; n++) await assert.rejects(fail('timeout'), { code: 'timeout' });
    // One that goes well, and the count begins anew.
    await call();
    for (let n = 1; n < BREAK_AFTER; n++) await assert.rejects(fail('connection'), { code: 'connection' });
    assert.deepEqual(ring.states(), ['available']);
    await assert.rejects(fail('unavailable'), { code: 'unavailable' });
    assert.deepEqual(ring.states(), ['open']);
    const { length } = used;
    pass(BREAK_MS - 1);
    await assert.rejects(call(), { code: 'circuit_open' });
    assert.equal(used.length, length);
    pass(1);
    await call();
    assert.equal(used.length, length + 1);
    assert.deepEqual(ring.states(), ['available']);
  });

  test('after its break exactly one call tries, and the others do not wait for it', async (t) => {
    const { ring, call, hold, pass, used, breakAll } = ringOf(t, 1);
    await breakAll();
    pass(BREAK_MS);
    used.length = 0;
    const probe = hold();
    await assert.rejects(call(), { code: 'circuit_open' });
    await assert.rejects(call(), { code: 'circuit_open' });
    assert.deepEqual(used, [0]);
    assert.deepEqual(ring.states(), ['open']);
    probe.resolve();
    await probe.ended;
    await call();
    assert.deepEqual(used, [0, 0]);
    assert.deepEqual(ring.states(), ['available']);
  });

  test('while one key is tried, the calls go to the other', async (t) => {
    const { ring, call, fail, hold, pass, used, breakAll } = ringOf(t, 2);
    await breakAll();
    pass(BREAK_MS);
    used.length = 0;
    const probe = hold();
    await call();
    for (let n = 0; n < 3; n++) await call();
    assert.deepEqual(used, [0, 1, 1, 1, 1]);
    assert.deepEqual(ring.states(), ['open', 'available']);
    await assert.rejects(fail('key_refused'), { code: 'key_refused' });
    assert.deepEqual(ring.states(), ['open', 'resting']);
    probe.resolve();
    await probe.ended;
  });

  for (const [name, error] of [
    ['fails', new ModelError('unavailable')],
    ['is left by the one who waited for it', new DOMException('gone', 'AbortError')],
    ['runs out of its budget', new DOMException('over', 'TimeoutError')],
    ['ends in an error that nobody knows', new RangeError('unknown')],
  ] as const) {
    test(`a try that ${name} keeps the key open for another ten seconds`, async (t) => {
      const { ring, call, hold, pass, used, breakAll } = ringOf(t, 1);
      await breakAll();
      pass(BREAK_MS);
      used.length = 0;
      const probe = hold();
      probe.reject(error);
      await assert.rejects(probe.ended, error);
      assert.deepEqual(ring.states(), ['open']);
      pass(BREAK_MS - 1);
      await assert.rejects(call(), { code: 'circuit_open' });
      assert.deepEqual(used, [0]);
      pass(1);
      await call();
      assert.deepEqual(ring.states(), ['available']);
    });
  }

  test('a try that the provider refuses says that it is back', async (t) => {
    const { ring, fail, call, pass, breakAll } = ringOf(t, 1);
    await breakAll();
    pass(BREAK_MS);
    await assert.rejects(fail('request_refused'), { code: 'request_refused' });
    assert.deepEqual(ring.states(), ['available']);
    await call();
  });

  test('calls that are left are no failures of the provider', async (t) => {
    const { ring, call, hold } = ringOf(t, 1);
    for (let n = 0; n < 2 * BREAK_AFTER; n++) {
      const { ended, reject } = hold();
      reject(new DOMException('gone', 'AbortError'));
      await assert.rejects(ended, { name: 'AbortError' });
    }
    assert.deepEqual(ring.states(), ['available']);
    await call();
  });
});
