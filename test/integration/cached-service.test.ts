import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import { Redis } from 'ioredis';
import supertest from 'supertest';
import type { Writer } from '../../src/domain/ports.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { heldLoad, openTestCache } from '../support/cache.ts';
import { createHeldWriter } from '../support/held-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestService, type TestService } from '../support/service.ts';

const WORDS = '새벽마다 창밖의 고양이 울음에 깨요';

/** The local writer, that says which parts it was asked for. */
function countingWriter(degraded = false) {
  const local = createLocalWriter();
  const calls: (keyof Writer)[] = [];
  const counted = <T extends object>(part: keyof Writer, written: Promise<T>): Promise<T> => {
    calls.push(part);
    return written.then((result) => ({ ...result, degraded }));
  };
  const writer: Writer = {
    persona: (brief, signal) => counted('persona', local.persona(brief, signal)),
    empathy: (brief, signal) => counted('empathy', local.empathy(brief, signal)),
    reflection: (brief, signal) => counted('reflection', local.reflection(brief, signal)),
  };
  return { writer, calls };
}

async function createAs(agent: Awaited<ReturnType<TestService['guest']>>, body: object) {
  return (
    await agent
      .post(SESSIONS)
      .send({ selected_tag_id: 2, ...body })
      .expect(201)
  ).body;
}

describe('words are shared where nothing in them is anybody’s', () => {
  test('first sessions without words read one of at most eight texts of their tag', async () => {
    const { writer, calls } = countingWriter();
    await using service = await startTestService({}, { writer });
    const summaries = new Set<string>();
    for (let index = 0; index < 40; index++) {
      const { cards, persona } = await createAs(await service.guest(), {});
      summaries.add(cards.empathy.content + persona.summary);
    }
    assert.ok(summaries.size > 1 && summaries.size <= 8, `${summaries.size} texts`);
    assert.equal(calls.length, summaries.size * 3);
  });

  test('a label of the frontend counts as no words', async () => {
    const { writer, calls } = countingWriter();
    await using service = await startTestService({}, { writer });
    for (let index = 0; index < 20; index++) {
      await createAs(await service.guest(), { user_context: '진로/취업 - 회사에서 번아웃이 왔어요' });
    }
    assert.ok(calls.length <= 24, `${calls.length} calls for 60 parts`);
  });

  test('who wrote something, or was here before, gets words of their own', async () => {
    const { writer, calls } = countingWriter();
    await using service = await startTestService({}, { writer });
    const guest = await service.guest();
    await createAs(guest, { user_context: WORDS });
    assert.equal(calls.length, 3);
    await createAs(await service.guest(), { user_context: WORDS });
    assert.equal(calls.length, 6);
    await createAs(guest, {});
    assert.equal(calls.length, 9);
  });

  test('a degraded part is nobody else’s', async () => {
    const { writer, calls } = countingWriter(true);
    await using service = await startTestService({}, { writer });
    for (let index = 0; index < 10; index++) await createAs(await service.guest(), {});
    assert.equal(calls.length, 30);
  });

  test('who leaves does not take away the text that others wait for', async () => {
    const held = createHeldWriter();
    await using service = await startTestService({}, { writer: held.writer });
    const guest = await service.guest();
    const { body } = await guest
      .post(SESSIONS)
      .set('Prefer', 'respond-async')
      .send({ selected_tag_id: 2 })
      .expect(202);
    await held.until(() => held.calls.length === 3);
    await guest.delete(`${SESSIONS}/${body.session_id}`).expect(204);
    assert.deepEqual(held.aborted, []);
    held.releaseAll();
  });
});

describe('what the caches tell, and what they do not', () => {
  let redis: TestRedis;
  let service: TestService;
  let cookie: string;
  let sessionId: string;
  before(async () => {
    redis = await startRedis();
    service = await startTestService({ REDIS_URL: redis.url });
    const response = await supertest(service.url).post('/auth/guest');
    cookie = response.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    const send = (body: object) =>
      supertest(service.url).post(SESSIONS).set('Cookie', cookie).send(body).expect(201);
    sessionId = (await send({ selected_tag_id: 2 })).body.session_id;
    sessionId = (await send({ selected_tag_id: 8, user_context: WORDS })).body.session_id;
    const read = () =>
      supertest(service.url).get(`${SESSIONS}/${sessionId}`).set('Cookie', cookie).expect(200);
    await read();
    await read();
    await supertest(service.url).get('/api/v1/tags').expect(200);
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    await redis.stop();
  });

  test('a key in Redis names its cache and version, and nothing else that could be read', async () => {
    const client = new Redis(redis.url);
    const keys = (await client.keys('meari:cache:*')).toSorted();
    client.disconnect();
    assert.ok(keys.length >= 4, keys.join('\n'));
    for (const key of keys) assert.match(key, /^meari:cache:(sources|words|sessions):v\d+:[\w-]{43}$/);
    const token = cookie.split('=')[1] ?? 'no token';
    assert.ok(!keys.some((key) => key.includes(token) || key.includes(sessionId)));
  });

  test('a login is in no key and no value', async () => {
    const client = new Redis(redis.url);
    const keys = await client.keys('meari:cache:*');
    const values = await Promise.all(keys.map((key) => client.get(key)));
    client.disconnect();
    assert.ok(!values.some((value) => value?.includes('expiresAt')));
  });

  const readMetrics = async () => {
    const { text } = await supertest(service.opsUrl).get('/metrics').expect(200);
    return (name: string, labels: string) =>
      Number(new RegExp(`^${name}\\{${labels}[^}]*\\} (\\S+)`, 'm').exec(text)?.[1]);
  };

  test('metrics tell every answer of a cache from the others', async () => {
    const tiny = { ttlMs: 60_000, graceMs: 120_000, softLimitMs: 0, maxBytes: 200 };
    const { cache, close } = await openTestCache(tiny);
    const load = heldLoad('loaded');
    const joined = [cache.get(['one'], load), cache.get(['one'], load)];
    load.release();
    await Promise.all(joined);
    await cache.get(['one'], load);
    mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_001 });
    await cache.get(['one'], load).finally(() => mock.timers.reset());
    await cache.get(['two'], async () => ({ text: 'x'.repeat(100) }));
    const value = await readMetrics();
    for (const result of ['miss', 'coalesced', 'l1', 'stale']) {
      assert.ok(value('meari_cache_lookups_total', `cache="test",result="${result}"`) >= 1, result);
    }
    assert.ok(value('meari_cache_evictions_total', 'cache="test"') >= 1);
    assert.ok(value('meari_cache_size_bytes', 'cache="test"') <= 200);
    close();
  });

  test('metrics say how each cache does', async () => {
    const value = await readMetrics();
    assert.ok(value('meari_cache_lookups_total', 'cache="sessions",result="l1"') >= 1);
    assert.ok(value('meari_cache_lookups_total', 'cache="logins",result="l1"') >= 1);
    assert.ok(value('meari_cache_load_duration_seconds_count', 'cache="sources",outcome="ok"') >= 1);
    assert.ok(value('meari_cache_size_bytes', 'cache="sources"') > 1_000);
    assert.ok(value('meari_cache_entries', 'cache="tags"') === 1);
    assert.ok(Number.isFinite(value('meari_cache_saved_time_seconds', 'cache="sessions"')));
    assert.ok(value('meari_cache_lookup_time_seconds_total', 'cache="sources",result="miss"') > 0);
    assert.ok(Number.isFinite(value('meari_cache_second_level_available', '')));
    assert.ok(value('http_server_request_statements_count', '[^}]*http_route="/auth/guest"') >= 1);
    assert.equal(value('db_client_connection_max', ''), 10);
    assert.equal(value('meari_database_statement_limit_seconds', ''), 5);
    assert.ok(value('db_client_connection_wait_time_seconds_count', '') > 1);
  });
});
