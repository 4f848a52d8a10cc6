import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import supertest from 'supertest';
import { eventually } from '../support/eventually.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';

const FRONTEND = 'https://app.meari.example';

describe('the public listener', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({ CORS_ORIGINS: FRONTEND });
  });
  after(() => service[Symbol.asyncDispose]());

  test('lets the frontend call with its cookie, and caches the preflight', async () => {
    const preflight = await supertest(service.url)
      .options(SESSIONS)
      .set('Origin', FRONTEND)
      .set('Access-Control-Request-Method', 'POST')
      .set('Access-Control-Request-Headers', 'content-type,idempotency-key')
      .expect(204);
    assert.equal(preflight.headers['access-control-allow-origin'], FRONTEND);
    assert.equal(preflight.headers['access-control-allow-credentials'], 'true');
    assert.equal(preflight.headers['access-control-allow-headers'], 'content-type,idempotency-key');
    assert.equal(preflight.headers['access-control-max-age'], '7200');

    const response = await supertest(service.url).post('/auth/guest').set('Origin', FRONTEND).expect(201);
    assert.equal(response.headers['access-control-allow-origin'], FRONTEND);
    assert.match(response.headers['access-control-expose-headers'] ?? '', /X-Trace-Id/);
  });

  for (const origin of ['https://evil.example', 'null', 'https://app.meari.example.evil.example']) {
    test(`refuses a state-changing request from ${origin}`, async () => {
      const guest = await service.guest();
      const { body } = await guest
        .post(SESSIONS)
        .set('Origin', origin)
        .send({ selected_tag_id: 2 })
        .expect(403);
      assert.equal(body.error_code, 'FORBIDDEN');
      await supertest(service.url).post('/auth/guest').set('Origin', origin).expect(403);
      const read = await guest.get(SESSIONS).set('Origin', origin).expect(200);
      assert.equal(read.headers['access-control-allow-origin'], undefined);
    });
  }

  test('a page of its own origin may change state', async () => {
    await supertest(service.url).post('/auth/guest').set('Origin', service.url).expect(201);
  });

  for (const target of ['http://[::1/api/v1/tags', 'a://b']) {
    test(`answers when it is asked for ${target}, which has no path, and goes on`, async () => {
      const asked = request(service.url, { path: target }).end();
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      answer.resume();
      assert.equal(answer.statusCode, 404);
      assert.match(answer.headers['x-trace-id']?.toString() ?? '', /^[0-9a-f]{32}$/);
      await supertest(service.url).get('/api/v1/tags').expect(200);
    });
  }

  test('continues the trace of the caller', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const response = await supertest(service.url)
      .get('/api/v1/tags')
      .set('traceparent', `00-${traceId}-00f067aa0ba902b7-01`);
    assert.equal(response.headers['x-trace-id'], traceId);
  });

  test('personal answers are kept by no shared cache', async () => {
    const guest = await service.guest();
    assert.equal((await guest.get(SESSIONS)).headers['cache-control'], 'private, no-cache');
  });

  test('describes itself: OpenAPI 3.1, and a page that needs no other server', async () => {
    const { body } = await supertest(service.url).get('/openapi.json').expect(200);
    assert.match(body.openapi, /^3\.1/);
    assert.deepEqual(Object.keys(body.paths), [
      '/api/v1/meari/sessions',
      '/api/v1/meari/sessions/{sessionId}',
      '/api/v1/meari/sessions/{sessionId}/events',
      '/api/v1/meari/sessions/{sessionId}/status',
      '/api/v1/tags',
      '/auth/guest',
      '/auth/me',
      '/auth/logout',
    ]);
    const request = body.components.schemas.SessionRequest;
    assert.deepEqual(request.required, ['selected_tag_id']);

    const page = await supertest(service.url).get('/docs').expect(200);
    assert.doesNotMatch(page.text, /https?:\/\//);
    for (const [, asset = ''] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      await supertest(service.url).get(asset).expect(200);
    }
  });
});

test('a user who creates too many sessions is told when to come back', async () => {
  await using service = await startTestService({ RATE_LIMIT_PER_MINUTE: '2' });
  const guest = await service.guest();
  const send = () => guest.post(SESSIONS).send({ selected_tag_id: 2 });
  await send().expect(201);
  await send().expect(201);
  const refused = await send().expect(429);
  assert.equal(refused.body.error_code, 'RATE_LIMITED');
  assert.ok(Number(refused.headers['retry-after']) > 0);
  const worried = { selected_tag_id: 6, user_context: '사라지고 싶어요' };
  const { body } = await guest.post(SESSIONS).send(worried).expect(429);
  assert.equal(body.crisis_support.contacts[0].phone, '109');
  await (await service.guest()).post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
});

describe('the ops listener', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service[Symbol.asyncDispose]());

  test('is alive and ready', async () => {
    await supertest(service.opsUrl).get('/livez').expect(200);
    const { body } = await supertest(service.opsUrl).get('/readyz').expect(200);
    assert.deepEqual(body, { status: 'ok', dependencies: { postgres: 'ok' } });
  });

  test('counts requests by route and steps by outcome', async () => {
    const guest = await service.guest();
    const { body } = await guest.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
    await guest.post(SESSIONS).send({}).expect(400);
    await guest.get(`${SESSIONS}/${body.session_id}`).expect(200);
    // A request is counted when its connection is done with it, a moment after the client has the answer.
    const route = `http_route="${SESSIONS}/:sessionId"`;
    const text = await eventually(async () => {
      const response = await supertest(service.opsUrl).get('/metrics').expect(200);
      return response.text.includes(route) ? response.text : undefined;
    });
    const series = (name: string, ...labels: string[]) =>
      text
        .split('\n')
        .find((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)));
    assert.ok(
      series(
        'http_server_request_duration_seconds_count',
        'http_route="/api/v1/meari/sessions"',
        'http_request_method="POST"',
        'http_response_status_code="201"',
      ),
    );
    assert.ok(
      series('http_server_request_duration_seconds_count', 'http_route="/api/v1/meari/sessions/:sessionId"'),
    );
    assert.ok(
      series(
        'http_server_request_duration_seconds_count',
        `http_route="${SESSIONS}"`,
        'http_response_status_code="400"',
      ),
      'an error counts for the route that it came from',
    );
    for (const step of ['context', 'sources', 'persona', 'empathy', 'reflection', 'save']) {
      assert.ok(series('meari_session_step_duration_seconds_count', `step="${step}"`, 'outcome="ok"'), step);
    }
    assert.ok(!text.includes(body.session_id), 'no id in a label');
  });
});
