import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/queue/redis.ts';
import { createPlaces } from '../../src/writing/llm/limiter/acquire-place.ts';
import type { Limiter, Limits } from '../../src/writing/llm/limiter/limiter.ts';
import { createLocalLimiter } from '../../src/writing/llm/limiter/local-limiter.ts';
import { createSharedLimiter } from '../../src/writing/llm/limiter/shared-limiter.ts';
import { eventually } from '../support/eventually.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startProxy } from '../support/tcp-proxy.ts';

const { signal } = new AbortController();
const LIMITS: Limits = { perWindow: 6, windowMs: 200, atOnce: 3 };
const CALL_MS = 400;

let server: TestRedis;
const connections: Redis[] = [];
before(async () => {
  server = await startRedis();
});
after(async () => {
  for (const connection of connections) connection.disconnect();
  await server.stop();
});

/** A connection as the container makes it, to a Redis without a trace of the test before. */
async function connect(url = server.url): Promise<Redis> {
  const redis = connectRedis(url);
  connections.push(redis);
  await new Promise((ready) => redis.once('ready', ready));
  return redis;
}

async function sharedLimiters(count: number, limits = LIMITS): Promise<Limiter[]> {
  const redis = await connect();
  await redis.flushall();
  return Promise.all(
    Array.from({ length: count }, async () =>
      createSharedLimiter({ redis: await connect(), callMs: CALL_MS, ...limits }),
    ),
  );
}

interface Passed {
  readonly name: number;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Makes the calls, each by the limiter at its place in the list, and tells when they ran, in order. */
async function makeCalls(limiters: readonly Limiter[], count: number, callMs: number): Promise<Passed[]> {
  const passed: Passed[] = [];
  await Promise.all(
    Array.from({ length: count }, async (_, name) => {
      const release = await (limiters[name % limiters.length] as Limiter).acquire(signal);
      const startedAt = performance.now();
      await delay(callMs);
      passed.push({ name, startedAt, endedAt: performance.now() });
      release();
    }),
  );
  return passed.toSorted((a, b) => a.startedAt - b.startedAt);
}

function checkLimits(passed: readonly Passed[], { perWindow, windowMs, atOnce }: Limits): void {
  for (const { name, startedAt } of passed) {
    const running = passed.filter((call) => call.startedAt <= startedAt && startedAt < call.endedAt).length;
    assert.ok(running <= atOnce, `${running} at once at call ${name}`);
    const counted = passed.filter(
      (call) => call.startedAt <= startedAt && startedAt < call.startedAt + windowMs,
    );
    assert.ok(counted.length <= perWindow, `${counted.length} in the window of call ${name}`);
  }
}

const contract: [string, (limits?: Limits) => Promise<Limiter>][] = [
  ['in this process', async (limits = LIMITS) => createLocalLimiter(limits)],
  ['through Redis', async (limits = LIMITS) => (await sharedLimiters(1, limits))[0] as Limiter],
];
for (const [name, create] of contract) {
  describe(`limiter ${name}`, () => {
    test('keeps both limits, and lets all pass', async () => {
      const passed = await makeCalls([await create()], 20, 20);
      assert.equal(passed.length, 20);
      checkLimits(passed, LIMITS);
    });

    test('first come, first served', async () => {
      const passed = await makeCalls([await create()], 20, 20);
      assert.deepEqual(
        passed.map((call) => call.name),
        passed.map((_, index) => index),
      );
    });

    test('whoever gives up while it waits takes no place', async () => {
      const limiter = await create({ ...LIMITS, atOnce: 1 });
      const release = await limiter.acquire(signal);
      const impatient = new AbortController();
      const waiting = limiter.acquire(impatient.signal);
      const next = limiter.acquire(signal);
      impatient.abort(new Error('gone'));
      await assert.rejects(waiting, /gone/);
      await assert.rejects(limiter.acquire(impatient.signal), /gone/);
      release();
      (await next)();
    });

    test('no limit on calls in a window is none', async () => {
      const limiter = await create({ perWindow: Number.POSITIVE_INFINITY, windowMs: 60_000, atOnce: 50 });
      assert.equal((await makeCalls([limiter], 50, 1)).length, 50);
    });
  });
}

/** Resolves once Redis has so many tickets in each of these sets. */
async function untilIn(redis: Redis, counts: Record<string, number>): Promise<void> {
  for (const [name, count] of Object.entries(counts)) {
    await eventually(async () => ((await redis.zcard(`meari:{llm}:${name}`)) === count ? true : undefined));
  }
}

describe('limiters of several processes', () => {
  test('keep one limit together', async () => {
    const passed = await makeCalls(await sharedLimiters(3), 24, 20);
    assert.equal(passed.length, 24);
    checkLimits(passed, LIMITS);
  });

  test('first come, first served, whoever it came to', async () => {
    const limits = { perWindow: 100, windowMs: 1_000, atOnce: 1 };
    const [one, other] = (await sharedLimiters(2, limits)) as [Limiter, Limiter];
    const release = await one.acquire(signal);
    const order: string[] = [];
    const waiting: Promise<void>[] = [];
    for (const [name, limiter] of Object.entries({ a: one, b: other, c: one, d: other })) {
      waiting.push(
        limiter.acquire(signal).then(async (end) => {
          order.push(name);
          end();
        }),
      );
      // Its place in the line is taken before the next one comes.
      await connections.at(-1)?.ping();
      await connections.at(-2)?.ping();
    }
    release();
    await Promise.all(waiting);
    assert.equal(order.join(''), 'abcd');
  });

  test('a process that is killed blocks its places no longer than a call takes, and the line not at all', async () => {
    const limits = { perWindow: 100, windowMs: 50, atOnce: 1 };
    const [limiter] = (await sharedLimiters(1, limits)) as [Limiter];
    const options = { ...limits, callMs: CALL_MS, silentMs: 2_000 };
    const killed = createPlaces(await connect(), 'killed', options);
    assert.equal((await killed.attempt('killed:1', 0)).granted, true);
    assert.equal((await killed.attempt('killed:2', 0)).granted, false);
    // Neither the place is given back nor is there anybody who takes the next one.
    (await limiter.acquire(signal))();
  });

  test('when Redis is back, the calls that were made without it count, and those that ended meanwhile have ended', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxy(redis.port);
    const limits = { perWindow: 6, windowMs: 600_000, atOnce: 4 };
    const limiter = createSharedLimiter({
      redis: await connect(proxy.through(redis.url)),
      callMs: 600_000,
      ...limits,
    });
    const direct = await connect(redis.url);
    const before = await limiter.acquire(signal);
    proxy.cut();
    const without = await Promise.all([1, 2, 3].map(() => limiter.acquire(signal)));
    before();
    without[0]?.();
    assert.equal(await direct.zcard('meari:{llm}:counted'), 1);
    await proxy.restore();
    await untilIn(direct, { counted: 4, running: 2 });

    // What is left for the others: two in the window, and two at once.
    const others = createPlaces(direct, 'other', { ...limits, callMs: 600_000, silentMs: 2_000 });
    assert.equal((await others.attempt('other:1', 0)).granted, true);
    (await limiter.acquire(signal))();
    assert.equal((await others.attempt('other:2', 0)).granted, false);
    without[1]?.();
    await untilIn(direct, { running: 2 });
  });

  test('whoever gives up while Redis is away is not in the line when it is back', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxy(redis.port);
    const limits = { perWindow: 1_000, windowMs: 50, atOnce: 1 };
    const limiter = createSharedLimiter({
      redis: await connect(proxy.through(redis.url)),
      callMs: 600_000,
      ...limits,
    });
    const direct = await connect(redis.url);
    const release = await limiter.acquire(signal);
    const impatient = new AbortController();
    const waiting = [1, 2, 3].map(() => limiter.acquire(impatient.signal));
    await untilIn(direct, { waiting: 3 });
    proxy.cut();
    impatient.abort(new Error('gone'));
    for (const { status } of await Promise.allSettled(waiting)) assert.equal(status, 'rejected');
    assert.equal(await direct.zcard('meari:{llm}:waiting'), 3);
    await proxy.restore();
    release();
    await untilIn(direct, { running: 0 });
    (await limiter.acquire(signal))();
    await untilIn(direct, { waiting: 0, running: 0 });
  });

  test('whoever gives up while Redis is told of the calls does not come into the line after it has left', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxy(redis.port);
    const limits = { perWindow: 1_000, windowMs: 50, atOnce: 1 };
    const through = await connect(proxy.through(redis.url));
    const limiter = createSharedLimiter({ redis: through, callMs: 600_000, ...limits });
    const direct = await connect(redis.url);
    const release = await limiter.acquire(signal);
    proxy.cut();
    const ready = new Promise<void>((resolve) => through.once('ready', resolve));
    await proxy.restore();
    await ready;
    const impatient = new AbortController();
    const waiting = limiter.acquire(impatient.signal);
    impatient.abort(new Error('gone'));
    const next = limiter.acquire(signal);
    await assert.rejects(waiting, /gone/);
    await untilIn(direct, { waiting: 1, running: 1 });
    release();
    (await next)();
    await untilIn(direct, { waiting: 0, running: 0 });
  });

  test('those who waited for Redis in the line of their process count when they pass after it is back', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxy(redis.port);
    const limits = { perWindow: 1_000, windowMs: 600_000, atOnce: 2 };
    const through = await connect(proxy.through(redis.url));
    const limiter = createSharedLimiter({ redis: through, callMs: 600_000, ...limits });
    const direct = await connect(redis.url);
    proxy.cut();
    const [first] = await Promise.all([1, 2].map(() => limiter.acquire(signal)));
    const third = limiter.acquire(signal);
    await proxy.restore();
    await untilIn(direct, { running: 2, counted: 2 });
    first?.();
    await third;
    await untilIn(direct, { running: 2, counted: 3 });
  });

  test('a place whose answer was lost is given again to whoever has it', async () => {
    const redis = await connect();
    await redis.flushall();
    const places = createPlaces(redis, 'one', { ...LIMITS, atOnce: 1, callMs: CALL_MS, silentMs: 2_000 });
    assert.deepEqual(await places.attempt('one:1', 0), { granted: true, place: 1, processes: 1 });
    assert.equal((await places.attempt('one:1', 0)).granted, true);
    assert.equal(await redis.zcard('meari:{llm}:waiting'), 0);
  });

  test('a Redis that has forgotten all puts nobody before those who wait', async () => {
    const redis = await connect();
    await redis.flushall();
    const limits = { ...LIMITS, atOnce: 1, callMs: 600_000, silentMs: 600_000 };
    const places = createPlaces(redis, 'one', limits);
    await places.attempt('one:1', 0);
    await places.attempt('one:2', 0);
    const { place } = await places.attempt('one:3', 0);
    await redis.flushall();
    await places.attempt('one:4', place);
    assert.ok((await places.attempt('one:5', 0)).place > place);
  });

  test('while Redis is away each keeps to its share, and the waiting go on', async () => {
    await using redis = await startRedis();
    const limits = { perWindow: 1_000, windowMs: 1_000, atOnce: 4 };
    const limiters = await Promise.all(
      [1, 2].map(async () =>
        createSharedLimiter({ redis: await connect(redis.url), callMs: 60_000, ...limits }),
      ),
    );
    // Each has heard of the other.
    for (const limiter of [...limiters, ...limiters]) (await limiter.acquire(signal))();
    const held = await Promise.all([0, 0, 1, 1].map((index) => (limiters[index] as Limiter).acquire(signal)));
    const waiting = makeCalls(limiters, 12, 20);
    await redis.stop();
    for (const release of held) release();
    for (const half of [0, 1]) {
      const passed = (await waiting).filter(({ name }) => name % 2 === half);
      assert.equal(passed.length, 6);
      checkLimits(passed, { ...limits, atOnce: 2 });
    }
  });
});
