import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import supertest from 'supertest';
import { finishedSessionSchema, joinCards } from '../../src/domain/session.ts';
import { FRONTEND_LABELS, MINOR_TAG_IDS } from '../../src/domain/tags.ts';
import { errorBodySchema } from '../../src/http/error-handler.ts';
import { sessionStatusSchema } from '../../src/http/session-schemas.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';

describe('sessions', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service[Symbol.asyncDispose]());

  for (const tagId of MINOR_TAG_IDS) {
    test(`tag ${tagId} gives a whole session`, async () => {
      const guest = await service.guest();
      const response = await guest
        .post(SESSIONS)
        .send({ selected_tag_id: tagId, user_context: '요즘 너무 지치고 혼자인 것 같아요' })
        .expect(201);
      const session = finishedSessionSchema.parse(response.body);
      assert.deepEqual(session, response.body, 'no field beside those of the contract');
      assert.equal(session.cards.empathy.content, joinCards(session.cards.empathy.cards));
      assert.equal(session.cards.reflection.content, joinCards(session.cards.reflection.cards));
      assert.equal(session.degraded, false);
      assert.equal(session.crisis_support, undefined);
      assert.equal(response.headers.location, `${SESSIONS}/${session.session_id}`);
      assert.match(response.get('X-Trace-Id') ?? '', /^[0-9a-f]{32}$/);
      assert.match(response.get('Server-Timing') ?? '', /context;dur=[\d.]+.*save;dur=/);

      const read = await guest.get(`${SESSIONS}/${session.session_id}`).expect(200);
      assert.deepEqual(read.body, response.body);
      assert.deepEqual(Object.keys(read.body), Object.keys(response.body));
    });
  }

  test('two users with the same words get the same session, other words get others', async () => {
    const contentFor = async (words: string) => {
      const guest = await service.guest();
      const { body } = await guest
        .post(SESSIONS)
        .send({ selected_tag_id: 2, user_context: words })
        .expect(201);
      return body.cards.empathy.cards.map((card: { content: string }) => card.content);
    };
    const first = await contentFor('매일 야근하고 집에 오면 아무것도 못 하겠어요');
    assert.deepEqual(await contentFor('  매일 야근하고 집에 오면 아무것도 못 하겠어요 '), first);
    const other = await contentFor('팀장이 사람들 앞에서 소리를 질러요');
    assert.deepEqual(
      other.filter((content: string) => first.includes(content)),
      [],
    );
  });

  test('a user who comes again with the same words is shown other quotes', async () => {
    const guest = await service.guest();
    const quotes = async () => {
      const { body } = await guest
        .post(SESSIONS)
        .send({ selected_tag_id: 8, user_context: '새벽까지 못 자요' });
      return body.cards.empathy.quotes_used.map(({ text }: { text: string }) => text);
    };
    const first = await quotes();
    assert.deepEqual(
      (await quotes()).filter((quote: string) => first.includes(quote)),
      [],
    );
  });

  test('a frontend label is no context, and decides the tag', async () => {
    for (const [label, tagId] of FRONTEND_LABELS) {
      const guest = await service.guest();
      const { body } = await guest
        .post(SESSIONS)
        .send({ selected_tag_id: 2, user_context: label })
        .expect(201);
      const row = await service.container.database('meari_sessions').where('id', body.session_id).first();
      assert.equal(row.tag_id, tagId, label);
      assert.equal(row.user_context, null, label);
    }
  });

  test('words that say that the writer may hurt themselves add the help lines', async () => {
    const guest = await service.guest();
    const { body } = await guest
      .post(SESSIONS)
      .send({ selected_tag_id: 6, user_context: '그냥 사라지고 싶어요' })
      .expect(201);
    assert.equal(finishedSessionSchema.parse(body).crisis_support?.contacts[0]?.phone, '109');
    assert.deepEqual(
      (await guest.get(`${SESSIONS}/${body.session_id}`)).body.crisis_support,
      body.crisis_support,
    );
  });

  test('a finished session has an ETag, and is not sent again to a client that has it', async () => {
    const guest = await service.guest();
    const { body } = await guest.post(SESSIONS).send({ selected_tag_id: 3 }).expect(201);
    const { headers } = await guest.get(`${SESSIONS}/${body.session_id}`).expect(200);
    assert.ok(headers.etag);
    await guest.get(`${SESSIONS}/${body.session_id}`).set('If-None-Match', headers.etag).expect(304);
  });

  test('the status of a finished session shows every step with its time', async () => {
    const guest = await service.guest();
    const { body } = await guest.post(SESSIONS).send({ selected_tag_id: 4 }).expect(201);
    const status = sessionStatusSchema.parse((await guest.get(`${SESSIONS}/${body.session_id}/status`)).body);
    assert.equal(status.status, 'completed');
    assert.equal(status.estimated_seconds, 0);
    assert.equal(status.progress.completed_steps, 6);
    assert.deepEqual(
      status.progress.steps.map(({ name }) => name),
      ['context', 'sources', 'persona', 'empathy', 'reflection', 'save'],
    );
    for (const step of status.progress.steps) {
      assert.equal(step.status, 'completed');
      assert.ok((step.duration_ms ?? -1) >= 0);
    }
  });

  test('deleting a session deletes all that it made', async () => {
    const guest = await service.guest();
    const { body } = await guest.post(SESSIONS).send({ selected_tag_id: 6 }).expect(201);
    await guest.delete(`${SESSIONS}/${body.session_id}`).expect(204);
    await guest.get(`${SESSIONS}/${body.session_id}`).expect(404);
    for (const table of ['cards', 'personas', 'session_steps']) {
      const rows = await service.container.database(table).where('session_id', body.session_id);
      assert.deepEqual(rows, [], table);
    }
  });

  test('lists finished sessions, newest first, page by page', async () => {
    const guest = await service.guest();
    const created: string[] = [];
    for (const tagId of [2, 3, 4, 6, 7]) {
      const { body } = await guest.post(SESSIONS).send({ selected_tag_id: tagId }).expect(201);
      created.unshift(body.session_id);
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const response = await guest.get(SESSIONS).query({ limit: 2, ...(cursor ? { cursor } : {}) });
      assert.ok(response.body.sessions.length <= 2);
      for (const session of response.body.sessions)
        seen.push(finishedSessionSchema.parse(session).session_id);
      cursor = response.body.next_cursor;
    } while (cursor);
    assert.deepEqual(seen, created);
    assert.deepEqual((await (await service.guest()).get(SESSIONS)).body, { sessions: [], next_cursor: null });
  });

  test('the same idempotency key answers with the same session, and refuses another body', async () => {
    const guest = await service.guest();
    const send = (tagId: number) =>
      guest.post(SESSIONS).set('Idempotency-Key', 'one').send({ selected_tag_id: tagId });
    const first = await send(2).expect(201);
    assert.equal(first.headers['idempotency-replayed'], undefined);
    const again = await send(2).expect(201);
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.deepEqual(again.body, first.body);
    assert.equal((await send(3).expect(422)).body.error_code, 'IDEMPOTENCY_KEY_REUSED');
    assert.equal((await guest.get(SESSIONS)).body.sessions.length, 1);

    const stranger = await service.guest();
    const theirs = await stranger.post(SESSIONS).set('Idempotency-Key', 'one').send({ selected_tag_id: 3 });
    assert.equal(theirs.status, 201, "another user's key is another key");
  });

  test('the tag tree is open to everybody', async () => {
    const { body } = await supertest(service.url).get('/api/v1/tags').expect(200);
    assert.deepEqual(
      body.tags.map(({ id, children }: { id: number; children: unknown[] }) => [id, children.length]),
      [
        [1, 3],
        [5, 3],
        [9, 3],
      ],
    );
  });

  test('user text and tokens reach no log line', async () => {
    const guest = await service.guest();
    const marker = '비밀스러운표식말';
    await guest
      .post(SESSIONS)
      .send({ selected_tag_id: 2, user_context: `${marker} 너무 지쳤어요` })
      .expect(201);
    await guest.post(SESSIONS).send({ selected_tag_id: 1, user_context: marker }).expect(400);
    await guest
      .post(SESSIONS)
      .send({ selected_tag_id: 2, user_context: `${marker}\u0000` })
      .expect(400);
    assert.ok(service.logLines.length > 0);
    assert.ok(service.logLines.every((line) => !line.includes(marker)));
  });

  test('each step leaves a log line with its duration, its trace and its session', async () => {
    const guest = await service.guest();
    const { body, headers } = await guest.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
    const lines = service.logLines
      .map((line) => JSON.parse(line))
      .filter((line) => line.session_id === body.session_id && line.step);
    assert.deepEqual(lines.map(({ step }) => step).sort(), [
      'context',
      'empathy',
      'persona',
      'reflection',
      'save',
      'sources',
    ]);
    for (const line of lines) {
      assert.equal(line.trace_id, headers['x-trace-id']);
      assert.equal(line.outcome, 'ok');
      assert.ok(line.duration_ms >= 0);
    }
  });
});

test('a writer that fails for good ends in a 500 without internals, and a session that says that it failed', async () => {
  const marker = '작가가 본 사용자 글';
  const writer = {
    ...createLocalWriter(),
    persona: () => Promise.reject(new Error(`cannot write about ${marker}`)),
  };
  await using service = await startTestService({}, { writer });
  const guest = await service.guest();
  const { body } = await guest.post(SESSIONS).send({ selected_tag_id: 2 }).expect(500);
  assert.equal(body.crisis_support, undefined);
  assert.equal(body.error_code, 'INTERNAL');
  assert.equal(body.detail, null);
  assert.ok(service.logLines.every((line) => !line.includes(marker)));
  const { id } = await service.container.database('meari_sessions').first('id');
  const status = sessionStatusSchema.parse((await guest.get(`${SESSIONS}/${id}/status`)).body);
  assert.equal(status.status, 'failed');

  const worried = await guest
    .post(SESSIONS)
    .send({ selected_tag_id: 6, user_context: '사라지고 싶어요' })
    .expect(500);
  assert.equal(errorBodySchema.parse(worried.body).crisis_support?.contacts[0]?.phone, '109');
});
