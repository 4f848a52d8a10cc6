import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { statementsOf } from '../support/statements.ts';

describe('statements', () => {
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

  const during = (work: () => Promise<unknown>) => statementsOf(service.container.database, work);

  for (const limit of [1, 5, 12]) {
    test(`a page of ${limit} sessions is three statements, the login included`, async () => {
      const statements = await during(() => guest.get(SESSIONS).query({ limit }).expect(200));
      assert.equal(statements.length, 3, statements.join('\n'));
    });
  }

  test('one session is four statements at most', async () => {
    const statements = await during(() => guest.get(`${SESSIONS}/${created[0]}`).expect(200));
    assert.ok(statements.length <= 4, statements.join('\n'));
  });

  test('saving is one transaction with one insert for each table', async () => {
    const statements = await during(() => guest.post(SESSIONS).send({ selected_tag_id: 3 }).expect(201));
    const transaction = statements
      .slice(
        statements.findLastIndex((sql) => sql.startsWith('BEGIN')),
        statements.findLastIndex((sql) => sql.startsWith('COMMIT')) + 1,
      )
      .map((sql) => sql.split(' ').slice(0, 3).join(' '));
    assert.deepEqual(transaction, [
      'BEGIN;',
      'update "meari_sessions" set',
      'insert into "cards"',
      'insert into "personas"',
      'update "users" set',
      'COMMIT;',
    ]);
    // The other one accepts the session.
    assert.equal(statements.filter((sql) => sql.startsWith('BEGIN')).length, 2);
  });
});
