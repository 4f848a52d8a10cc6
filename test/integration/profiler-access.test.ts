import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import supertest from 'supertest';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';

const TOKEN = 'a-token-for-the-tests';
const OVERVIEW = '/profiler/api/overview';
const PRODUCTION = { NODE_ENV: 'production', PROFILER: 'on', PROFILER_TOKEN: TOKEN };

describe('the profiler in development on loopback', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service[Symbol.asyncDispose]());

  test('is open, and is on the listener of the operators alone', async () => {
    await supertest(service.opsUrl).get(OVERVIEW).expect(200);
    await supertest(service.opsUrl).get('/profiler').expect(308).expect('Location', '/profiler/');
    await supertest(service.opsUrl).get('/profiler/').expect(200).expect('Content-Type', /html/);
    await supertest(service.url).get('/profiler/').expect(404);
    await supertest(service.url).get(OVERVIEW).expect(404);
  });

  for (const host of [
    'evil.example',
    'evil.example:9464',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '',
  ]) {
    test(`is not open to a name that leads here: Host "${host}" (DNS rebinding)`, async () => {
      for (const path of ['/profiler/', OVERVIEW, '/profiler/main.js']) {
        const { body } = await supertest(service.opsUrl).get(path).set('Host', host).expect(403);
        assert.equal(body.error, 'FOREIGN_HOST');
      }
    });
  }

  for (const host of ['localhost:9464', '127.0.0.1:9464', '[::1]:9464', '10.0.0.7']) {
    test(`is open to Host ${host}, which nobody else can give it`, async () => {
      await supertest(service.opsUrl).get(OVERVIEW).set('Host', host).expect(200);
    });
  }

  for (const origin of ['https://evil.example', 'null', 'http://localhost:3000']) {
    test(`is not open to a page of ${origin}`, async () => {
      for (const path of [OVERVIEW, '/profiler/']) {
        const { body } = await supertest(service.opsUrl).get(path).set('Origin', origin).expect(403);
        assert.equal(body.error, 'FOREIGN_ORIGIN');
      }
      await supertest(service.opsUrl)
        .post('/profiler/api/findings/0123/mute')
        .set('Origin', origin)
        .send({ reason: 'none' })
        .expect(403);
    });
  }

  test('is kept by no cache, and runs no script, style or frame but its own', async () => {
    for (const path of ['/profiler/', OVERVIEW, '/profiler/main.js', '/profiler/api/nothing']) {
      const { headers } = await supertest(service.opsUrl).get(path).redirects(1);
      assert.equal(headers['cache-control'], 'no-store', path);
      const policy = headers['content-security-policy'] ?? '';
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /script-src 'self'(;|$)/);
      assert.match(policy, /style-src 'self'(;|$)/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe|https?:|\*/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
  });

  test('only POST changes anything, and only with JSON, which a form cannot send', async () => {
    const mute = '/profiler/api/findings/0123/mute';
    await supertest(service.opsUrl).get(mute).expect(404);
    await supertest(service.opsUrl).get('/profiler/api/findings/0123/unmute').expect(404);
    const { body } = await supertest(service.opsUrl)
      .post(mute)
      .type('form')
      .send({ reason: 'x' })
      .expect(400);
    assert.match(body.message, /^Content-Type: /);
  });

  test('every answer of the API links to its own trace, and tells how long it took', async () => {
    const guest = await service.guest();
    for (const path of ['/auth/me', SESSIONS, `${SESSIONS}/no-uuid`]) {
      const { headers } = await guest.get(path);
      assert.match(headers['x-trace-id'] ?? '', /^[0-9a-f]{32}$/);
      assert.equal(
        headers['x-profile-link'],
        `http://127.0.0.1:9464/profiler/#/traces/${headers['x-trace-id']}`,
      );
      assert.match(headers['server-timing'] ?? '', /^total;dur=[\d.]+$/);
      assert.match(headers['access-control-expose-headers'] ?? '', /X-Profile-Link/);
    }
  });
});

describe('the profiler with a token', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService(PRODUCTION);
  });
  after(() => service[Symbol.asyncDispose]());

  const bearer = (token: string) => ['Authorization', `Bearer ${token}`] as const;

  test('shows nothing without it: a program gets an error, a person a form', async () => {
    const { body } = await supertest(service.opsUrl)
      .get(OVERVIEW)
      .expect(401)
      .expect('WWW-Authenticate', /^Bearer/);
    assert.deepEqual(Object.keys(body), ['error', 'message']);
    assert.equal(body.error, 'TOKEN_NEEDED');
    const page = await supertest(service.opsUrl).get('/profiler/').expect(401);
    assert.match(page.text, /<input id="token" name="token" type="password"/);
    await supertest(service.opsUrl).get('/profiler/main.js').expect(401);
    await supertest(service.opsUrl).get('/profiler/api/openapi.json').expect(401);
    await supertest(service.opsUrl).post('/profiler/api/findings/0123/unmute').expect(401);
  });

  test('is open with it', async () => {
    await supertest(service.opsUrl)
      .get(OVERVIEW)
      .set(...bearer(TOKEN))
      .expect(200);
    await supertest(service.opsUrl)
      .get('/profiler/')
      .set(...bearer(TOKEN))
      .expect(200);
  });

  test('signs people in with a cookie that is not the token, and goes nowhere else', async () => {
    const agent = supertest.agent(service.opsUrl);
    const response = await agent
      .post('/profiler/sign-in')
      .type('form')
      .send({ token: TOKEN })
      .expect(303)
      .expect('Location', '/profiler/');
    const [cookie = ''] = response.get('Set-Cookie') ?? [];
    for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/profiler', 'Max-Age=43200']) {
      assert.ok(cookie.includes(attribute), cookie);
    }
    assert.ok(!cookie.includes(TOKEN));
    await agent.get(OVERVIEW).expect(200);
    // It cannot be made longer by whoever has it.
    const [, time = '', signature = ''] = /profiler=(\d+)\.([^;]+)/.exec(cookie) ?? [];
    const longer = `profiler=${Number(time) + 1}.${signature}`;
    await supertest(service.opsUrl).get(OVERVIEW).set('Cookie', longer).expect(401);
    const past = Date.now() - 1;
    const signed = createHmac('sha256', TOKEN).update(`profiler sign-in ${past}`).digest('base64url');
    await supertest(service.opsUrl).get(OVERVIEW).set('Cookie', `profiler=${past}.${signed}`).expect(401);
    const coming = Date.now() + 60_000;
    const valid = createHmac('sha256', TOKEN).update(`profiler sign-in ${coming}`).digest('base64url');
    await supertest(service.opsUrl).get(OVERVIEW).set('Cookie', `profiler=${coming}.${valid}`).expect(200);
  });

  test('the sign-in is closed to a form on another page', async () => {
    await supertest(service.opsUrl)
      .post('/profiler/sign-in')
      .set('Origin', 'https://evil.example')
      .type('form')
      .send({ token: TOKEN })
      .expect(403);
  });

  test('the public is told nothing; who shows the token is, and another token tells nothing', async () => {
    const guest = await service.guest();
    for (const authorization of [undefined, `Bearer ${TOKEN}x`, TOKEN]) {
      const request = guest.get('/auth/me');
      if (authorization) request.set('Authorization', authorization);
      const { headers } = await request;
      assert.equal(headers['x-profile-link'], undefined);
      assert.equal(headers['server-timing'], undefined);
      assert.match(headers['x-trace-id'] ?? '', /^[0-9a-f]{32}$/);
    }
    const { headers } = await guest.get('/auth/me').set(...bearer(TOKEN));
    assert.match(headers['x-profile-link'] ?? '', /\/profiler\/#\/traces\/[0-9a-f]{32}$/);
    assert.match(headers['server-timing'] ?? '', /^total;dur=/);
  });
});

test('wrong tokens are counted wherever they are tried; then even the right one has to wait, a sign-in has not', async () => {
  await using service = await startTestService(PRODUCTION);
  const signedIn = supertest.agent(service.opsUrl);
  await signedIn.post('/profiler/sign-in').type('form').send({ token: TOKEN }).expect(303);
  const attempt = (token: string) =>
    supertest(service.opsUrl).get(OVERVIEW).set('Authorization', `Bearer ${token}`);
  const signIn = () => supertest(service.opsUrl).post('/profiler/sign-in').type('form').send({ token: 'no' });
  for (let wrong = 0; wrong < 4; wrong++) {
    const { body } = await attempt(`wrong-${wrong}`).expect(401);
    assert.equal(body.error, 'WRONG_TOKEN');
    assert.match((await signIn().expect(401)).text, /That is not the token/);
  }
  await supertest(service.url).get('/auth/me').set('Authorization', 'Bearer one').expect(401);
  await supertest(service.url).get('/auth/me').set('Authorization', 'Bearer two').expect(401);
  const { body, headers } = await attempt(TOKEN).expect(429);
  assert.equal(body.error, 'TOO_MANY_ATTEMPTS');
  assert.ok(Number(headers['retry-after']) > 0);
  assert.match((await signIn().expect(429)).text, /Too many wrong tokens/);
  await signedIn.get(OVERVIEW).expect(200);
});

for (const [what, env] of [
  ['in production unless it is asked for', { NODE_ENV: 'production', PROFILER_TOKEN: TOKEN }],
  ['when it is turned off', { PROFILER: 'off' }],
  ['on an address that others reach, without a token', { OPS_HOST: '0.0.0.0' }],
] as const) {
  test(`the profiler does not exist ${what}`, async () => {
    await using service = await startTestService(env);
    for (const path of ['/profiler', '/profiler/', OVERVIEW, '/profiler/sign-in', '/profiler/base.css']) {
      await supertest(service.opsUrl).get(path).set('Authorization', `Bearer ${TOKEN}`).expect(404);
    }
    const guest = await service.guest();
    const { headers } = await guest.get('/auth/me').set('Authorization', `Bearer ${TOKEN}`);
    assert.equal(headers['x-profile-link'], undefined);
    assert.equal(headers['server-timing'], undefined);
  });
}
