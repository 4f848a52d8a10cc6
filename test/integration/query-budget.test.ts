import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import supertest from 'supertest';
import { SESSIONS } from '../support/paths.ts';
import { statementsOf, withinBudget } from '../support/query-budget.ts';
import { startTestService, type TestService } from '../support/service.ts';

/** Each step leaves its own row as soon as it has finished, so that a run that takes over finds it. */
const CHECKPOINTS = /insert into session_steps|^(BEGIN|COMMIT);/;

describe('query budget', () => {
  let service: TestService;
  let guest: Awaited<ReturnType<TestService['guest']>>;
  const created: string[] = [];
  before(async () => {
    service = await startTestService();
    guest = await service.guest();
    for (let index = 0; index < 12; index++) {
      const { body } = await guest.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
      created.push(body.session_id);
    }
  });
  after(() => service[Symbol.asyncDispose]());

  const within = (statements: number, request: supertest.Test, mayRepeat?: RegExp) =>
    withinBudget(service.container.database, { statements, ...(mayRepeat ? { mayRepeat } : {}) }, request);

  for (const limit of [1, 5, 12]) {
    test(`a page of ${limit} sessions is two statements`, async () => {
      const { body } = await within(2, guest.get(SESSIONS).query({ limit }).expect(200));
      assert.equal(body.sessions.length, limit);
    });
  }

  test('a login is one statement more, once', async () => {
    const newcomer = await service.guest();
    await within(3, newcomer.get(SESSIONS).expect(200));
    await within(2, newcomer.get(SESSIONS).expect(200));
  });

  test('a finished session is two statements, and none when it was read before', async () => {
    await within(2, guest.get(`${SESSIONS}/${created[0]}`).expect(200));
    await within(0, guest.get(`${SESSIONS}/${created[0]}`).expect(200));
  });

  test('its status and its events', async () => {
    await within(4, guest.get(`${SESSIONS}/${created[1]}/status`).expect(200));
    await within(4, guest.get(`${SESSIONS}/${created[2]}/events`).expect(200));
  });

  test('tags are read once', async () => {
    await within(1, supertest(service.url).get('/api/v1/tags').expect(200));
    await within(0, supertest(service.url).get('/api/v1/tags').expect(200));
  });

  test('guest, me, logout', async () => {
    const agent = supertest.agent(service.url);
    await within(4, agent.post('/auth/guest').expect(201));
    await within(2, agent.get('/auth/me').expect(200));
    await within(1, agent.post('/auth/logout').expect(204));
  });

  test('deleting is one statement', async () => {
    await within(1, guest.delete(`${SESSIONS}/${created.pop()}`).expect(204));
  });

  test('a whole session, from the request to its rows', async () => {
    await within(
      24,
      guest.post(SESSIONS).send({ selected_tag_id: 3, user_context: '면접이 두려워요' }).expect(201),
      CHECKPOINTS,
    );
  });

  test('a session that was asked for twice is found again, and not made', async () => {
    const send = () =>
      guest.post(SESSIONS).set('Idempotency-Key', 'once').send({ selected_tag_id: 3 }).expect(201);
    await send();
    // The steps are read once more for `Server-Timing`, which production has not.
    await within(10, send(), /session_steps/);
  });

  test('saving is one statement, whatever it writes', async () => {
    const { statements } = await statementsOf(
      service.container.database,
      guest.post(SESSIONS).send({ selected_tag_id: 3 }).expect(201),
    );
    const saving = statements.filter(({ sql }) => /insert into "?(cards|personas)/.test(sql));
    assert.equal(saving.length, 1);
    for (const table of [
      'update meari_sessions',
      'update users',
      'insert into cards',
      'insert into personas',
    ]) {
      assert.ok(saving[0]?.sql.includes(table), table);
    }
    // The one transaction of several statements accepts the session.
    assert.equal(statements.filter(({ sql }) => sql === 'BEGIN;').length, 1);
  });

  test('a request over its budget, or that repeats itself, is told with statement and call site', async () => {
    await assert.rejects(
      within(1, guest.get(SESSIONS).expect(200)),
      /2 statements, where 1 are allowed:[\s\S]*from "cards"[\s\S]*src\/store\/repositories\/session-repository\.ts:\d+/,
    );
    await assert.rejects(
      within(99, guest.post(SESSIONS).send({ selected_tag_id: 3 }).expect(201)),
      /the same statement runs repeatedly:[\s\S]*6 × with held[\s\S]*execution-repository\.ts:\d+/,
    );
  });
});
