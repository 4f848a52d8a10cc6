import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import type { BusMessage, SessionBus, SessionQueue } from '../../src/domain/ports.ts';
import { createBullmqQueue } from '../../src/queue/bullmq-queue.ts';
import { createFallbackQueue } from '../../src/queue/fallback-queue.ts';
import { createLocalBus } from '../../src/queue/local-bus.ts';
import { createLocalQueue } from '../../src/queue/local-queue.ts';
import { connectRedis, connectSubscriberRedis, connectWaitingRedis } from '../../src/queue/redis.ts';
import { createRedisBus } from '../../src/queue/redis-bus.ts';
import { eventually } from '../support/eventually.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

/** What each adapter of the two interfaces must do, run on all of them. */

interface Adapter<T> {
  readonly name: string;
  /** A new one, and what else has to be closed with it. */
  open(): Promise<{ adapter: T; close(): Promise<void> }>;
}

let redis: TestRedis;
before(async () => {
  redis = await startRedis();
});
after(() => redis[Symbol.asyncDispose]());

async function ready(url: string) {
  const connection = connectRedis(url);
  if (connection.status !== 'ready') await new Promise((resolve) => connection.once('ready', resolve));
  return connection;
}

const queues: Adapter<SessionQueue>[] = [
  {
    name: 'in process',
    async open() {
      const adapter = createLocalQueue();
      return { adapter, close: () => adapter.close() };
    },
  },
  {
    name: 'BullMQ',
    async open() {
      const producer = await ready(redis.url);
      const consumer = connectWaitingRedis(redis.url);
      const adapter = createBullmqQueue({ producer, consumer: () => consumer });
      return {
        adapter,
        async close() {
          await adapter.close();
          producer.disconnect();
          consumer.disconnect();
        },
      };
    },
  },
  {
    name: 'a fallback behind one that takes nothing',
    async open() {
      const dead: SessionQueue = {
        enqueue: () => Promise.reject(new Error('away')),
        consume() {},
        async close() {},
      };
      const adapter = createFallbackQueue({
        primary: dead,
        fallback: createLocalQueue(),
        consumesPrimary: true,
        onFallback() {},
      });
      return { adapter, close: () => adapter.close() };
    },
  },
];

for (const { name, open } of queues) {
  describe(`queue: ${name}`, () => {
    test('hands out what was put in before and after there was a consumer, in order', async () => {
      const { adapter, close } = await open();
      const seen: string[] = [];
      await adapter.enqueue('a', 0);
      await adapter.enqueue('b', 0);
      adapter.consume(async (id) => void seen.push(id), 1);
      await eventually(async () => (seen.length === 2 ? true : undefined));
      await adapter.enqueue('c', 0);
      await eventually(async () => (seen.length === 3 ? true : undefined));
      assert.deepEqual(seen, ['a', 'b', 'c']);
      await close();
    });

    test('runs at most as many at once as it was told', async () => {
      const { adapter, close } = await open();
      const gates: (() => void)[] = [];
      let running = 0;
      let most = 0;
      adapter.consume(async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => gates.push(resolve));
        running -= 1;
      }, 2);
      for (const id of ['a', 'b', 'c', 'd']) await adapter.enqueue(id, 0);
      for (let done = 0; done < 4; done++) {
        const release = await eventually(async () => gates.shift());
        release();
      }
      await eventually(async () => (running === 0 ? true : undefined));
      assert.equal(most, 2);
      await close();
    });

    test('the same session and attempt is handed out once while it waits', async () => {
      const { adapter, close } = await open();
      const seen: string[] = [];
      await adapter.enqueue('a', 0);
      await adapter.enqueue('a', 0);
      await adapter.enqueue('b', 0);
      adapter.consume(async (id) => void seen.push(id), 1);
      await eventually(async () => (seen.includes('b') ? true : undefined));
      assert.deepEqual(seen, ['a', 'b']);
      await close();
    });

    test('one that was leased before goes to the front', async () => {
      const { adapter, close } = await open();
      const seen: string[] = [];
      await adapter.enqueue('a', 0);
      await adapter.enqueue('b', 0);
      await adapter.enqueue('recovered', 1);
      adapter.consume(async (id) => void seen.push(id), 1);
      await eventually(async () => (seen.length === 3 ? true : undefined));
      assert.deepEqual(seen, ['recovered', 'a', 'b']);
      await close();
    });

    test('closing hands out no more and waits for what runs', async () => {
      const { adapter, close } = await open();
      const started = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      let finished = false;
      adapter.consume(async () => {
        started.resolve();
        await gate.promise;
        finished = true;
      }, 1);
      await adapter.enqueue('a', 0);
      await adapter.enqueue('b', 0);
      await started.promise;
      const closed = close().then(() => finished);
      gate.resolve();
      assert.equal(await closed, true);
    });
  });
}

const buses: Adapter<SessionBus>[] = [
  {
    name: 'in process',
    async open() {
      const adapter = createLocalBus();
      return { adapter, close: () => adapter.close() };
    },
  },
  { name: 'Redis', open: () => openRedisBus() },
];

async function openRedisBus() {
  const publisher = await ready(redis.url);
  const subscriber = connectSubscriberRedis(redis.url);
  if (subscriber.status !== 'ready') await once(subscriber, 'ready');
  const adapter = createRedisBus({ publisher, subscriber });
  return {
    adapter,
    async close() {
      await adapter.close();
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

const message = (seq: number): BusMessage => ({
  kind: 'event',
  event: { seq, session_id: 'a', status: 'starting' },
});

for (const { name, open } of buses) {
  describe(`bus: ${name}`, () => {
    test('tells every follower of a session once, in order, and nobody else', async () => {
      const { adapter, close } = await open();
      const [first, second, other]: BusMessage[][] = [[], [], []];
      await adapter.subscribe('a', (told) => first?.push(told));
      await adapter.subscribe('a', (told) => second?.push(told));
      await adapter.subscribe('b', (told) => other?.push(told));
      for (const seq of [1, 2, 3]) adapter.publish('a', message(seq));
      adapter.publish('b', { kind: 'deleted' });
      await eventually(async () => (other?.length === 1 && second?.length === 3 ? true : undefined));
      assert.deepEqual(first, [1, 2, 3].map(message));
      assert.deepEqual(second, first);
      assert.deepEqual(other, [{ kind: 'deleted' }]);
      await close();
    });

    test('a follower that has left is told nothing', async () => {
      const { adapter, close } = await open();
      const told: BusMessage[] = [];
      const leave = await adapter.subscribe('a', (heard) => told.push(heard));
      leave();
      adapter.publish('a', message(1));
      const heard = new Promise((resolve) => void adapter.subscribe('a', resolve));
      adapter.publish('a', message(2));
      assert.deepEqual(await heard, message(2));
      assert.deepEqual(told, []);
      await close();
    });
  });
}

test('the Redis bus reaches followers in another process, and only while they follow', async () => {
  const here = await openRedisBus();
  const there = await openRedisBus();
  const told: BusMessage[] = [];
  const leave = await there.adapter.subscribe('a', (heard) => told.push(heard));
  for (const seq of [1, 2, 3]) here.adapter.publish('a', message(seq));
  await eventually(async () => (told.length === 3 ? true : undefined));
  assert.deepEqual(told, [1, 2, 3].map(message));
  leave();
  const probe = await ready(redis.url);
  await eventually(async () => {
    const [, count] = (await probe.pubsub('NUMSUB', 'meari:session:a')) as [string, number];
    return Number(count) === 0 ? true : undefined;
  });
  probe.disconnect();
  await Promise.all([here.close(), there.close()]);
});
