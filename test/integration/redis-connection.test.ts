import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connectRedis } from '../../src/queue/redis.ts';
import { startRedis } from '../support/redis.ts';
import { startProxy } from '../support/tcp-proxy.ts';

test('many commands that a hung server leaves without an answer end their connection once', async (t) => {
  await using server = await startRedis();
  await using proxy = await startProxy(server.port);
  const redis = connectRedis(proxy.through(server.url));
  t.after(() => redis.disconnect());
  await once(redis, 'ready');
  const ended = t.mock.method(redis, 'disconnect');

  for (const round of [1, 2]) {
    proxy.hang();
    const closed = once(redis, 'close');
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => redis.get('name')));
    for (const { status } of answers) assert.equal(status, 'rejected');
    // Each end adds a listener to the socket: eleven of them make Node warn of a leak.
    assert.equal(ended.mock.callCount(), round);
    await closed;
    const ready = once(redis, 'ready');
    await proxy.restore();
    await ready;
    assert.equal(await redis.get('name'), null);
  }
});
