import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import fc from 'fast-check';
import { heldLoad, openTestCache, PLAIN, type TestCache, type Value } from '../support/cache.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

/** What a named cache must do, with and without Redis behind it. */

let redis: TestRedis;
before(async () => {
  redis = await startRedis();
});
after(() => redis[Symbol.asyncDispose]());

const GRACE = { ...PLAIN, ttlMs: 60_000, graceMs: 3_600_000 };

let keys = 0;
const newKey = () => [`key ${++keys}`];
const value = (text: string) => async (): Promise<Value> => ({ text });
const failing = async (): Promise<Value> => {
  throw new TypeError('the source is away');
};

for (const [name, url] of [
  ['in process', () => undefined],
  ['with Redis behind it', () => redis.url],
] as const) {
  describe(`cache: ${name}`, () => {
    const open = async (definition: Partial<typeof PLAIN> = {}): Promise<TestCache & Disposable> => {
      const opened = await openTestCache(definition, url());
      return { ...opened, [Symbol.dispose]: opened.close };
    };

    /** Lets time pass for what the cache thinks the time is. */
    const pass = (ms: number) => mock.timers.setTime(Date.now() + ms);
    const withClock = async (work: () => Promise<void>) => {
      mock.timers.enable({ apis: ['Date'], now: Date.now() });
      await work().finally(() => mock.timers.reset());
    };

    test('1 000 simultaneous misses on one key are one load', async () => {
      using opened = await open();
      const load = heldLoad('loaded');
      const key = newKey();
      const all = Array.from({ length: 1_000 }, () => opened.cache.get(key, load));
      await load.called;
      load.release();
      const values = await Promise.all(all);
      assert.equal(load.calls, 1);
      assert.ok(values.every(({ text }) => text === 'loaded'));
    });

    test('what was loaded is found again, until it is deleted', async () => {
      using opened = await open();
      const key = newKey();
      assert.equal((await opened.cache.get(key, value('first'))).text, 'first');
      assert.equal((await opened.cache.get(key, value('second'))).text, 'first');
      await opened.cache.delete(key);
      assert.equal((await opened.cache.get(key, value('third'))).text, 'third');
    });

    test('no two keys meet', async () => {
      using opened = await open();
      const part = fc.oneof(
        fc.string(),
        fc.integer(),
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      );
      const seen = new Map<string, string>();
      const nameOf = (key: readonly (string | number | Buffer)[]) =>
        JSON.stringify(
          key.map((part) => [typeof part, typeof part === 'object' ? part.toString('hex') : part]),
        );
      await fc.assert(
        fc.asyncProperty(fc.array(part, { maxLength: 4 }), async (key) => {
          const { text } = await opened.cache.get(key, value(nameOf(key)));
          seen.set(nameOf(key), text);
          return text === nameOf(key);
        }),
      );
      assert.ok(seen.size > 50);
    });

    test('a load that fails reaches everybody who waits for it, and the next one is tried', async () => {
      using opened = await open();
      const key = newKey();
      const all = await Promise.allSettled([opened.cache.get(key, failing), opened.cache.get(key, failing)]);
      for (const result of all) {
        assert.ok(result.status === 'rejected' && result.reason instanceof TypeError);
        assert.equal(result.reason.message, 'the source is away');
      }
      assert.equal((await opened.cache.get(key, value('back'))).text, 'back');
    });

    test('what its definition does not keep is given out and loaded again', async () => {
      using opened = await open({ keeps: ({ text }) => text !== 'draft' });
      const key = newKey();
      assert.equal((await opened.cache.get(key, value('draft'))).text, 'draft');
      assert.equal((await opened.cache.get(key, value('final'))).text, 'final');
      assert.equal((await opened.cache.get(key, value('later'))).text, 'final');
    });

    test('after its time a value is loaded again', async () => {
      using opened = await open();
      const key = newKey();
      await withClock(async () => {
        await opened.cache.get(key, value('old'));
        pass(PLAIN.ttlMs - 1);
        assert.equal((await opened.cache.get(key, value('new'))).text, 'old');
        pass(2);
        assert.equal((await opened.cache.get(key, value('new'))).text, 'new');
      });
    });

    test('in its grace period a value stands in for a load that fails', async () => {
      using opened = await open(GRACE);
      const key = newKey();
      await withClock(async () => {
        await opened.cache.get(key, value('old'));
        pass(GRACE.ttlMs + 1);
        assert.equal((await opened.cache.get(key, failing)).text, 'old');
      });
    });

    test('a slow load is not waited for beyond the soft limit, and its value is there once it ends', async () => {
      using opened = await open({ ...GRACE, softLimitMs: 20 });
      const key = newKey();
      await withClock(async () => {
        await opened.cache.get(key, value('old'));
        pass(GRACE.ttlMs + 1);
        const load = heldLoad('new');
        assert.equal((await opened.cache.get(key, load)).text, 'old');
        load.release();
        while ((await opened.cache.get(key, load)).text === 'old');
        assert.equal(load.calls, 1);
      });
    });

    test('with no soft limit at all nobody waits for a value to be refreshed', async () => {
      using opened = await open({ ...GRACE, softLimitMs: 0 });
      const key = newKey();
      await withClock(async () => {
        await opened.cache.get(key, value('old'));
        pass(GRACE.ttlMs + 1);
        const load = heldLoad('new');
        assert.equal((await opened.cache.get(key, load)).text, 'old');
        assert.equal((await opened.cache.get(key, load)).text, 'old');
        load.release();
        while ((await opened.cache.get(key, load)).text === 'old');
        assert.equal(load.calls, 1);
      });
    });

    test('a deletion is not undone by a load that was under way', async () => {
      using opened = await open({ coherent: true });
      const key = newKey();
      const load = heldLoad('deleted meanwhile');
      const reading = opened.cache.get(key, load);
      await load.called;
      await opened.cache.delete(key);
      load.release();
      assert.equal((await reading).text, 'deleted meanwhile');
      assert.equal((await opened.cache.get(key, value('the truth'))).text, 'the truth');
    });

    test('who asks after a deletion is not given what was being read before it', async () => {
      using opened = await open({ coherent: true });
      const key = newKey();
      const load = heldLoad('deleted meanwhile');
      const before = opened.cache.get(key, load);
      await load.called;
      await opened.cache.delete(key);
      const after = opened.cache.get(key, value('the truth'));
      load.release();
      assert.equal((await after).text, 'the truth');
      assert.equal((await before).text, 'deleted meanwhile');
      assert.equal((await opened.cache.get(key, failing)).text, 'the truth');
    });

    test('it holds no more than its bytes, and gives up what was used least recently', async () => {
      using opened = await open({ maxBytes: 10_000, secondLevel: false });
      const big = 'x'.repeat(1_000);
      const used = newKey();
      for (let index = 0; index < 50; index++) {
        await opened.cache.get(newKey(), value(big));
        await opened.cache.get(used, value('used all the time'));
      }
      assert.equal((await opened.cache.get(used, failing)).text, 'used all the time');
      const kept = await Promise.all(
        Array.from({ length: 50 }, (_, back) =>
          opened.cache.get([`key ${keys - back}`], value('gone')).then(({ text }) => text !== 'gone'),
        ),
      );
      const count = kept.filter(Boolean).length;
      assert.ok(count >= 1 && count < 10, `${count} of 50 are kept`);
    });

    test('nobody can change what others get', async () => {
      using opened = await open();
      const key = newKey();
      await opened.cache.get(key, value('mine'));
      const found = (await opened.cache.get(key, failing)) as { text: string };
      assert.throws(() => {
        found.text = 'changed';
      }, TypeError);
    });
  });
}
