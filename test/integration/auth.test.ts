import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import supertest from 'supertest';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';

const DAY = 24 * 60 * 60 * 1000;

describe('auth', () => {
  let service: TestService;
  let time = Date.parse('2026-01-01T00:00:00Z');
  before(async () => {
    service = await startTestService({}, { now: () => new Date(time) });
  });
  after(() => service[Symbol.asyncDispose]());

  async function newGuest() {
    const response = await supertest(service.url).post('/auth/guest').expect(201);
    const setCookie = response.get('Set-Cookie')?.[0] ?? '';
    return { body: response.body, setCookie, cookie: setCookie.split(';')[0] ?? '' };
  }
  const me = (cookie: string) => supertest(service.url).get('/auth/me').set('Cookie', cookie);

  test('a guest gets an account, and a cookie that scripts cannot read', async () => {
    const { body, setCookie, cookie } = await newGuest();
    assert.match(body.id, /^[0-9a-f-]{36}$/);
    assert.match(body.nickname, /^\S+ \S+$/);
    assert.match(setCookie, /^meari_session=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
    const { body: user } = await me(cookie).expect(200);
    assert.deepEqual(user, { id: body.id, email: null, nickname: body.nickname, onboardingCompleted: false });
  });

  test('only a hash of the token is stored', async () => {
    const { cookie } = await newGuest();
    const token = cookie.replace('meari_session=', '');
    const rows = await service.container.database('login_sessions').select('token_hash');
    const hash = createHash('sha256').update(token).digest('hex');
    assert.ok(rows.some(({ token_hash }) => token_hash.toString('hex') === hash));
    const dump = JSON.stringify(await service.container.database('login_sessions').select('*'));
    assert.ok(!dump.includes(token));
  });

  test('logout ends the login here and takes the cookie back', async () => {
    const { cookie } = await newGuest();
    const response = await supertest(service.url).post('/auth/logout').set('Cookie', cookie).expect(204);
    assert.match(response.get('Set-Cookie')?.[0] ?? '', /^meari_session=; Max-Age=0;/);
    await me(cookie).expect(401);
    await supertest(service.url).post('/auth/logout').expect(204);
  });

  test('a login lasts 30 days from its last use', async () => {
    const { cookie } = await newGuest();
    time += 20 * DAY;
    const renewed = await me(cookie).expect(200);
    assert.match(renewed.get('Set-Cookie')?.[0] ?? '', /Max-Age=2592000/);
    time += 29 * DAY;
    await me(cookie).expect(200);
    time += 31 * DAY;
    await me(cookie).expect(401);
  });

  test('a use on the same day writes nothing', async () => {
    const { cookie } = await newGuest();
    time += DAY / 2;
    assert.equal((await me(cookie).expect(200)).get('Set-Cookie'), undefined);
  });

  test('onboarding is completed by the first finished session', async () => {
    const agent = await service.guest();
    await agent.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
    assert.equal((await agent.get('/auth/me').expect(200)).body.onboardingCompleted, true);
  });

  for (const [name, cookie] of [
    ['no cookie', ''],
    ['an unknown token', 'meari_session=unknown'],
    ['a broken cookie header', 'meari_session=%E0%A4%A; ===;;'],
  ] as const) {
    test(`${name} is a 401`, async () => {
      const { body } = await me(cookie).expect(401);
      assert.equal(body.error_code, 'UNAUTHENTICATED');
      assert.equal(body.status, 'error');
    });
  }
});

test('in production the cookie is Secure', async () => {
  await using service = await startTestService({ NODE_ENV: 'production' });
  const response = await supertest(service.url).post('/auth/guest').expect(201);
  assert.match(response.get('Set-Cookie')?.[0] ?? '', /; Secure/);
});
