import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import supertest from 'supertest';
import { errorBodySchema } from '../../src/http/error-handler.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';

const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';

describe('bad input', () => {
  let service: TestService;
  let guest: Awaited<ReturnType<TestService['guest']>>;
  before(async () => {
    service = await startTestService();
    guest = await service.guest();
  });
  after(() => service[Symbol.asyncDispose]());

  const post = (body: string, contentType = 'application/json') =>
    guest.post(SESSIONS).set('Content-Type', contentType).send(body);

  function assertError(
    response: { status: number; body: unknown },
    status: number,
    code: string,
    detail?: RegExp,
  ) {
    assert.equal(response.status, status, JSON.stringify(response.body));
    const body = errorBodySchema.parse(response.body);
    assert.equal(body.error_code, code);
    assert.match(body.message, /[가-힣]/);
    assert.match(body.trace_id, /^[0-9a-f]{32}$/);
    if (detail) assert.match(body.detail ?? '', detail);
  }

  const refused: [name: string, body: unknown, detail: RegExp][] = [
    ['no tag', {}, /^selected_tag_id: /],
    ['a tag as text', { selected_tag_id: '2' }, /^selected_tag_id: /],
    ['a fraction', { selected_tag_id: 2.5 }, /^selected_tag_id: /],
    ['a huge number', { selected_tag_id: 1e300 }, /^selected_tag_id: /],
    ['null as tag', { selected_tag_id: null }, /^selected_tag_id: /],
    ...[0, 1, 5, 9, 13, -2].map((id): [string, unknown, RegExp] => [
      `tag ${id}`,
      { selected_tag_id: id },
      /^selected_tag_id: must be one of the minor tags/,
    ]),
    ['a number as context', { selected_tag_id: 2, user_context: 1 }, /^user_context: /],
    ['a list as context', { selected_tag_id: 2, user_context: ['가'] }, /^user_context: /],
    [
      '501 characters',
      { selected_tag_id: 2, user_context: '가'.repeat(501) },
      /^user_context: must be at most 500/,
    ],
    [
      '501 emoji',
      { selected_tag_id: 2, user_context: '🌧'.repeat(501) },
      /^user_context: must be at most 500/,
    ],
    ['a null character', { selected_tag_id: 2, user_context: '지쳤\u0000어요' }, /^user_context: .*null/],
    [
      'a lone surrogate',
      { selected_tag_id: 2, user_context: '지쳤\ud83d어요' },
      /^user_context: .*surrogate/,
    ],
    ['a list', [], /^body: /],
  ];
  for (const [name, body, detail] of refused) {
    test(`${name} is a 400 that names the field`, async () => {
      assertError(await post(JSON.stringify(body)), 400, 'VALIDATION_ERROR', detail);
    });
  }

  test('500 characters are accepted, counted as a person counts', async () => {
    await post(JSON.stringify({ selected_tag_id: 2, user_context: '🌧'.repeat(500) })).expect(201);
    await post(JSON.stringify({ selected_tag_id: 2, user_context: `  ${'가'.repeat(500)}\n` })).expect(201);
  });

  test('malformed JSON is a 400', async () => {
    for (const body of ['{"selected_tag_id": 2', 'null', '"text"', '{selected_tag_id: 2}']) {
      assertError(await post(body), 400, 'VALIDATION_ERROR', /^body: /);
    }
  });

  test('an empty body is a 400', async () => {
    assertError(await guest.post(SESSIONS), 400, 'VALIDATION_ERROR', /^body: /);
    assertError(await post(''), 400, 'VALIDATION_ERROR', /^(body|selected_tag_id): /);
  });

  test('another content type, charset or encoding is a 415', async () => {
    const body = '{"selected_tag_id": 2}';
    assertError(await post(body, 'text/plain'), 415, 'UNSUPPORTED_MEDIA_TYPE');
    assertError(
      await post('selected_tag_id=2', 'application/x-www-form-urlencoded'),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    );
    assertError(await post(body, 'application/json; charset=euc-kr'), 415, 'UNSUPPORTED_MEDIA_TYPE');
    const encoded = guest
      .post(SESSIONS)
      .set('Content-Type', 'application/json')
      .set('Content-Encoding', 'zip');
    assertError(await encoded.send(body), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  test('a body over the limit is a 413', async () => {
    const body = JSON.stringify({ selected_tag_id: 2, padding: 'x'.repeat(20_000) });
    assertError(await post(body), 413, 'PAYLOAD_TOO_LARGE');
  });

  test('without a login everything under /api but the tags is a 401', async () => {
    const stranger = supertest(service.url);
    assertError(await stranger.post(SESSIONS).send({ selected_tag_id: 2 }), 401, 'UNAUTHENTICATED');
    assertError(await stranger.get(SESSIONS), 401, 'UNAUTHENTICATED');
    assertError(await stranger.get(`${SESSIONS}/${UNKNOWN_ID}`), 401, 'UNAUTHENTICATED');
    assertError(await stranger.get('/api/v1/unknown'), 401, 'UNAUTHENTICATED');
    await stranger.get('/api/v1/tags').expect(200);
  });

  test("an unknown session and somebody else's are the same 404", async () => {
    const { body } = await (await service.guest()).post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
    for (const id of [UNKNOWN_ID, body.session_id]) {
      assertError(await guest.get(`${SESSIONS}/${id}`), 404, 'NOT_FOUND');
      assertError(await guest.get(`${SESSIONS}/${id}/status`), 404, 'NOT_FOUND');
      assertError(await guest.delete(`${SESSIONS}/${id}`), 404, 'NOT_FOUND');
    }
  });

  test('an unknown route is a 404', async () => {
    assertError(await guest.get('/api/v1/unknown'), 404, 'NOT_FOUND');
    assertError(await guest.get('/unknown'), 404, 'NOT_FOUND');
    assertError(await guest.put(SESSIONS), 404, 'NOT_FOUND');
  });

  test('an id, a cursor or a limit that cannot be is a 400 that names it', async () => {
    assertError(await guest.get(`${SESSIONS}/1`), 400, 'VALIDATION_ERROR', /^sessionId: /);
    assertError(await guest.get(`${SESSIONS}/%00`), 400, 'VALIDATION_ERROR', /^sessionId: /);
    assertError(await guest.get(`${SESSIONS}/%E0%A4%A`), 400, 'VALIDATION_ERROR');
    for (const limit of ['0', '101', '-1', 'x', '1.5']) {
      assertError(await guest.get(`${SESSIONS}?limit=${limit}`), 400, 'VALIDATION_ERROR', /^limit: /);
    }
    assertError(await guest.get(`${SESSIONS}?limit=1&limit=2`), 400, 'VALIDATION_ERROR', /^limit: /);
    assertError(await guest.get(`${SESSIONS}?cursor=xyz`), 400, 'VALIDATION_ERROR', /^cursor: /);
  });

  test('an idempotency key that is not visible ASCII is a 400', async () => {
    const send = (key: string) =>
      guest.post(SESSIONS).set('Idempotency-Key', key).send({ selected_tag_id: 2 });
    for (const key of ['with space', 'x'.repeat(256), 'caf\u00e9']) {
      assertError(await send(key), 400, 'VALIDATION_ERROR', /^Idempotency-Key: /);
    }
  });

  test('nothing that a client sends is a 500', async () => {
    const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 600 }), fc.string({ unit: 'grapheme' }));
    const anyBody = fc.oneof(
      fc.json(),
      anyText,
      fc
        .record({ selected_tag_id: fc.oneof(fc.integer(), fc.constant(2)), user_context: anyText })
        .map((body) => JSON.stringify(body)),
    );
    await fc.assert(
      fc.asyncProperty(anyBody, anyText, async (body, path) => {
        const created = await post(body);
        assert.ok(created.status < 500, `${created.status} for ${JSON.stringify(body)}`);
        const read = await guest.get(`${SESSIONS}/${encodeURIComponent(path.toWellFormed())}`);
        assert.ok(read.status < 500, `${read.status} for ${JSON.stringify(path)}`);
        const listed = await guest
          .get(SESSIONS)
          .query({ cursor: path.toWellFormed(), limit: body.toWellFormed() });
        assert.ok(listed.status < 500);
      }),
      { numRuns: 150 },
    );
  });
});
