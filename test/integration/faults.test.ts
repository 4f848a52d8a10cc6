import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import supertest from 'supertest';
import { createTestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createHeldWriter } from '../support/held-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { freePort } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestService } from '../support/service.ts';
import { openStream } from '../support/stream-client.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

type Service = Awaited<ReturnType<typeof startTestService>>;

async function createSession(service: Service): Promise<string> {
  const guest = await service.guest();
  const { body } = await guest.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
  return body.session_id;
}

async function streamSession(service: Service): Promise<(string | undefined)[]> {
  const login = await fetch(`${service.url}/auth/guest`, { method: 'POST' });
  const stream = await openStream(service.url + SESSIONS, {
    method: 'POST',
    headers: {
      Cookie: login.headers.getSetCookie()[0]?.split(';')[0] ?? '',
      'Content-Type': 'application/json',
      Accept: 'text/event-stream',
    },
    body: JSON.stringify({ selected_tag_id: 3 }),
  });
  return (await stream.rest()).map(({ status }) => status);
}

const ALL_EVENTS = [
  'starting',
  'cards_created',
  'completed',
  'empathy_created',
  'persona_created',
  'reflection_created',
];

async function dependencies(service: Service): Promise<Record<string, string>> {
  return (await supertest(service.opsUrl).get('/readyz')).body.dependencies;
}

async function fallbacks(service: Service): Promise<number> {
  const { text } = await supertest(service.opsUrl).get('/metrics');
  return Number(/^meari_session_queue_fallbacks_total\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

describe('Redis is disposable', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  let service: Service;
  before(async () => {
    redis = await startRedis();
    proxy = await startProxy(redis.port);
    service = await startTestService({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
    await eventually(async () => ((await dependencies(service)).redis === 'ok' ? true : undefined));
  });
  after(async () => {
    await proxy.restore();
    await service[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  async function works(): Promise<void> {
    await createSession(service);
    assert.deepEqual((await streamSession(service)).toSorted(), ALL_EVENTS.toSorted());
  }

  test('while it is there, sessions go through the shared queue', async () => {
    const before = await fallbacks(service);
    await works();
    assert.equal(await fallbacks(service), before);
  });

  for (const [fault, break_] of [
    ['cut off', () => proxy.cut()],
    ['hanging', () => proxy.hang()],
  ] as const) {
    test(`${fault}: every request works, the process stays ready, and it is used again once it is back`, async () => {
      const before = await fallbacks(service);
      break_();
      await works();
      await works();
      assert.ok((await fallbacks(service)) > before);
      const { status, body } = await supertest(service.opsUrl).get('/readyz');
      assert.equal(status, 200);
      assert.deepEqual(body.dependencies, { postgres: 'ok', redis: 'failed' });

      await proxy.restore();
      await eventually(async () => ((await dependencies(service)).redis === 'ok' ? true : undefined));
      const back = await fallbacks(service);
      await works();
      assert.equal(await fallbacks(service), back);
    });
  }
});

test('a Redis that is full: it says that it is well, the counters say otherwise, and emptying it mends it', async () => {
  await using redis = await startRedis();
  await using service = await startTestService({ REDIS_URL: redis.url });
  const admin = new Redis(redis.url);
  try {
    await eventually(async () => ((await dependencies(service)).redis === 'ok' ? true : undefined));
    await createSession(service);
    const before = await fallbacks(service);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await admin.config('SET', 'maxmemory', '1');
    await createSession(service);
    assert.deepEqual((await streamSession(service)).toSorted(), ALL_EVENTS.toSorted());
    assert.equal(await fallbacks(service), before + 2);
    assert.equal((await dependencies(service)).redis, 'ok');

    await admin.config('SET', 'maxmemory', '0');
    await admin.flushall();
    await createSession(service);
    assert.equal(await fallbacks(service), before + 2);
  } finally {
    admin.disconnect();
  }
});

test('a Redis that is emptied while sessions wait in it: they are handed out again', async () => {
  await using redis = await startRedis();
  const database = await createTestDatabase();
  const shared = { REDIS_URL: redis.url, DATABASE_URL: database.url };
  const admin = new Redis(redis.url);
  {
    await using api = await startTestService({ ...shared, ROLE: 'api' });
    await eventually(async () => ((await dependencies(api)).redis === 'ok' ? true : undefined));
    const guest = await api.guest();
    const { body } = await guest
      .post(SESSIONS)
      .set('Prefer', 'respond-async')
      .send({ selected_tag_id: 2 })
      .expect(202);
    assert.ok((await admin.keys('bull:*')).length > 0);
    await admin.flushall();
    await using _worker = await startTestService({ ...shared, ROLE: 'worker' });
    await eventually(async () => {
      const answer = await guest.get(`${SESSIONS}/${body.session_id}/status`).set('Prefer', 'wait=20');
      return answer.body.status === 'completed' ? true : undefined;
    });
  }
  admin.disconnect();
  await database.drop();
});

test('a Redis that was never there does not keep the service from starting and working', async () => {
  await using service = await startTestService({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
  await createSession(service);
  assert.equal((await dependencies(service)).redis, 'failed');
});

describe('Postgres away', () => {
  test('503 with Retry-After; /readyz says which; as before once it is back, with nothing lost', async () => {
    const database = await createTestDatabase();
    const direct = new URL(database.url);
    const proxy = await startProxy(Number(direct.port));
    const proxied = new URL(database.url);
    proxied.port = String(proxy.port);
    const held = createHeldWriter();
    const service = await startTestService({ DATABASE_URL: proxied.href }, { writer: held.writer });
    try {
      const guest = await service.guest();
      const { body } = await guest
        .post(SESSIONS)
        .set('Prefer', 'respond-async')
        .send({ selected_tag_id: 2 })
        .expect(202);
      await held.until(() => held.calls.length === 3);

      proxy.cut();
      for (const answer of [
        await guest.post(SESSIONS).send({ selected_tag_id: 2 }),
        await guest.get(`${SESSIONS}/${body.session_id}`),
        await supertest(service.url).post('/auth/guest'),
        await supertest(service.url).get('/api/v1/tags'),
      ]) {
        assert.equal(answer.status, 503, JSON.stringify(answer.body));
        assert.equal(answer.body.error_code, 'UNAVAILABLE');
        assert.ok(Number(answer.headers['retry-after']) > 0);
      }
      const { status, body: readiness } = await supertest(service.opsUrl).get('/readyz');
      assert.equal(status, 503);
      assert.equal(readiness.dependencies.postgres, 'failed');

      // The run that is under way cannot write its checkpoint now.
      held.releaseAll();
      await proxy.restore();
      await eventually(async () => {
        const answer = await guest.post(SESSIONS).send({ selected_tag_id: 3 });
        return answer.status === 201 ? true : undefined;
      });
      const done = await eventually(async () => {
        const answer = await guest.get(`${SESSIONS}/${body.session_id}/status`).set('Prefer', 'wait=20');
        return answer.body.status === 'completed' ? answer.body : undefined;
      });
      assert.equal(done.progress.completed_steps, 6);
    } finally {
      await proxy.restore();
      held.releaseAll();
      await service[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await database.drop();
    }
  });

  test('hanging: a 503 after a while instead of an answer that never comes; as before once it answers', async () => {
    const database = await createTestDatabase();
    await using proxy = await startProxy(Number(new URL(database.url).port));
    {
      await using service = await startTestService({ DATABASE_URL: proxy.through(database.url) });
      const guest = await service.guest();
      proxy.hang();
      const answer = await guest.get(SESSIONS);
      assert.equal(answer.status, 503);
      assert.equal(answer.body.error_code, 'UNAVAILABLE');
      await proxy.restore();
      await eventually(async () => ((await guest.get(SESSIONS)).status === 200 ? true : undefined));
    }
    await database.drop();
  });
});
