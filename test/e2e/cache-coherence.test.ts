import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { SESSIONS } from '../support/paths.ts';
import { type ServiceProcess, startProcess } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

describe('two processes with caches of their own', () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let one: ServiceProcess;
  let two: ServiceProcess;
  before(async () => {
    [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, LOG_LEVEL: 'silent' };
    [one, two] = await Promise.all([startProcess({ env }), startProcess({ env })]);
    await Promise.all([one.ready, two.ready]);
  });
  after(async () => {
    await Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()]);
    await redis.stop();
    await database.drop();
  });

  const guest = async (): Promise<string> => {
    const response = await fetch(`${one.url}/auth/guest`, { method: 'POST' });
    return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  };
  const statusAt = async ({ url }: ServiceProcess, path: string, cookie: string) =>
    (await fetch(url + path, { headers: { cookie } })).status;

  // Far below the minute after which every login is read again.
  test('a logout at one ends the login at the other', { timeout: 30_000 }, async () => {
    const cookie = await guest();
    assert.equal(await statusAt(two, SESSIONS, cookie), 200);
    assert.equal(await statusAt(two, SESSIONS, cookie), 200);
    await fetch(`${one.url}/auth/logout`, { method: 'POST', headers: { cookie } });
    await eventually(async () => ((await statusAt(two, SESSIONS, cookie)) === 401 ? true : undefined));
  });

  test('a session that is deleted at one is gone at the other', async () => {
    const cookie = await guest();
    const created = await fetch(one.url + SESSIONS, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json' },
      body: JSON.stringify({ selected_tag_id: 2 }),
    });
    const path = `${SESSIONS}/${((await created.json()) as { session_id: string }).session_id}`;
    assert.equal(await statusAt(two, path, cookie), 200);
    assert.equal(await statusAt(two, path, cookie), 200);
    await fetch(one.url + path, { method: 'DELETE', headers: { cookie } });
    await eventually(async () => ((await statusAt(two, path, cookie)) === 404 ? true : undefined));
  });
});
