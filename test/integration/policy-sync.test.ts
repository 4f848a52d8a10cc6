import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createCorpusRepository } from '../../src/store/repositories/corpus-repository.ts';
import { createSyncedPolicyRepository } from '../../src/store/repositories/synced-policy-repository.ts';
import { eventually } from '../support/eventually.ts';
import { apiRecord } from '../support/fake-policy-api.ts';
import { createTestPolicySync, PAGE_SIZE, records, type TestPolicySync } from '../support/policy-sync.ts';
import { recordStatements } from '../support/query-budget.ts';

describe('synchronising the policies', () => {
  let sync: TestPolicySync;
  before(async () => {
    sync = await createTestPolicySync();
  });
  after(() => sync[Symbol.asyncDispose]());
  beforeEach(() => sync.reset());

  async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
    const statements: string[] = [];
    const stop = recordStatements(sync.database, ({ sql }) => statements.push(sql));
    await work().finally(stop);
    return statements;
  }

  test('reads every page once, with its key, and stores what our users can use', async () => {
    sync.api.has(records(50));
    const line = await sync.syncOnce();
    assert.deepEqual(
      sync.api.calls.map(({ query }) => query),
      [1, 2, 3].map((page) => ({
        apiKeyNm: sync.api.key,
        pageNum: String(page),
        pageSize: String(PAGE_SIZE),
        rtnType: 'json',
      })),
    );
    const { outcome, pages, policies, left_out, rejected, removed } = line;
    assert.deepEqual(
      { outcome, pages, policies, left_out, rejected, removed },
      { outcome: 'replaced', pages: 3, policies: 50, left_out: 0, rejected: 0, removed: 0 },
    );
    const rows = await sync.stored();
    assert.equal(rows.length, 50);
    const { id, ...first } = rows[0] ?? assert.fail('a row');
    assert.ok(id >= 1_000_000);
    assert.deepEqual(first, {
      policy_no: '20260101005400000000',
      tag_ids: [3, 4],
      name: '청년 일경험 지원 0호',
      organization: '고용노동부',
      summary: '청년의 첫 경력을 돕기 위한 0번째 일경험 지원',
      link: 'https://www.work24.go.kr/policy/0',
      open_until: null,
    });
    const { inSeconds, failures } = await sync.due();
    assert.ok(inSeconds > 3_500 && failures === 0, `${inSeconds}`);
  });

  test('the number of statements does not grow with the policies', async () => {
    const counts: number[] = [];
    for (const count of [1, 90]) {
      sync.api.has(records(count));
      const statements = await statementsOf(() => sync.syncOnce());
      counts.push(statements.filter((sql) => /synced_policies/.test(sql)).length);
      const transaction = statements.slice(
        statements.findIndex((sql) => sql.startsWith('BEGIN')),
        statements.findIndex((sql) => sql.startsWith('COMMIT')) + 1,
      );
      assert.deepEqual(
        transaction.map((sql) => sql.split(' ').slice(0, 3).join(' ')),
        [
          'BEGIN;',
          'update "policy_sync" set',
          'insert into synced_policies',
          'delete from "synced_policies"',
          'COMMIT;',
        ],
      );
    }
    assert.equal(counts[0], counts[1]);
  });

  test('a later sync changes what is other, removes what is gone, and leaves the rest its id', async () => {
    sync.api.has(records(10));
    await sync.syncOnce();
    const before = await sync.stored();
    sync.api.has([apiRecord(0, { plcyNm: '이름이 바뀐 정책' }), ...records(8).slice(1), apiRecord(77)]);
    const line = await sync.syncOnce();
    assert.deepEqual([line.outcome, line.removed], ['replaced', 2]);
    const after = await sync.stored();
    assert.deepEqual(
      after.slice(0, 8).map(({ id }) => id),
      before.slice(0, 8).map(({ id }) => id),
    );
    assert.equal(after[0]?.name, '이름이 바뀐 정책');
    assert.equal(after.length, 9);
  });

  test('several at once: one synchronises, the others look on', async () => {
    sync.api.has(records(50));
    const release = sync.api.hold();
    const syncs = [sync.start(), sync.start(), sync.start(), sync.start()];
    await eventually(async () => (sync.api.calls.length > 0 ? true : undefined));
    release();
    await eventually(async () =>
      sync.syncLines().length > 0 && !(await sync.due()).pending ? true : undefined,
    );
    await Promise.all(syncs.map((one) => one.stop()));
    assert.equal(sync.api.calls.length, 3);
    assert.equal(sync.syncLines().length, 1);
  });

  test('one that was given up for dead writes nothing when it wakes', async () => {
    sync.api.has(records(5));
    const release = sync.api.hold();
    const sleeper = sync.start();
    await eventually(async () => (sync.api.calls.length === 1 ? true : undefined));
    // Its lease is over, and another process begins.
    await sync.database('policy_sync').update({ due_at: sync.database.fn.now() });
    const claim = await createSyncedPolicyRepository(sync.database).claim(60_000);
    assert.ok('fence' in claim);
    release();
    const line = await eventually(async () => sync.syncLines()[0]);
    await sleeper.stop();
    assert.equal(line.outcome, 'lost');
    assert.deepEqual(await sync.stored(), []);
    assert.ok((await sync.due()).inSeconds > 50, 'the claim of the other one stands');
  });

  test('stopped in the middle: it ends at once, and the next process may begin', async () => {
    sync.api.has(records(5));
    sync.api.failAlways('hang');
    const one = sync.start();
    await eventually(async () => (sync.api.calls.length === 1 ? true : undefined));
    await one.stop();
    assert.deepEqual(
      sync.syncLines().map(({ outcome }) => outcome),
      ['cancelled'],
    );
    assert.equal((await sync.due()).failures, 0);
    sync.api.restore();
    assert.ok('fence' in (await createSyncedPolicyRepository(sync.database).claim(1)));
  });

  describe('what a session is given', () => {
    const policiesFor = async (tagId: number) =>
      (await createCorpusRepository(sync.database).forTag(tagId)).policies;

    test('the seeded ones first, then the newest of the others, not all of them, in one order', async () => {
      const seeded = await policiesFor(3);
      sync.api.has(records(30));
      await sync.syncOnce();
      const both = await policiesFor(3);
      assert.deepEqual(both.slice(0, seeded.length), seeded);
      const names = both.slice(seeded.length).map(({ name }) => name);
      assert.deepEqual(
        names.toSorted(),
        Array.from({ length: 8 }, (_, index) => `청년 일경험 지원 ${22 + index}호`).toSorted(),
      );
      assert.deepEqual(await policiesFor(3), both);
      assert.deepEqual(both.at(-1)?.phone, null);
      assert.equal((await policiesFor(8)).length, 6, 'other tags have none of them');
    });

    test('in three statements', async () => {
      sync.api.has(records(30));
      await sync.syncOnce();
      assert.equal((await statementsOf(() => policiesFor(3))).length, 3);
    });

    test('not what has closed since the sync, nor what we have already', async () => {
      const seeded = await policiesFor(3);
      sync.api.has([
        apiRecord(1, { aplyPrdSeCd: '0057001', aplyYmd: '20260101 ~ 29990101' }),
        apiRecord(2),
        apiRecord(3, { plcyNm: '국민 취업지원제도' }),
      ]);
      await sync.syncOnce();
      const names = async () => (await policiesFor(3)).slice(seeded.length).map(({ name }) => name);
      assert.deepEqual(await names(), ['청년 일경험 지원 1호', '청년 일경험 지원 2호']);
      await sync.database('synced_policies').whereNotNull('open_until').update({ open_until: '2026-01-01' });
      assert.deepEqual(await names(), ['청년 일경험 지원 2호']);
    });
  });
});
