import '../../instrumentation.ts';
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { createLogger } from '../../src/log.ts';
import { type PolicySyncLimits, startPolicySync } from '../../src/sources/start-policy-sync.ts';
import { connectDatabase, type Database } from '../../src/store/database.ts';
import { createCorpusRepository } from '../../src/store/repositories/corpus-repository.ts';
import { createSyncedPolicyRepository } from '../../src/store/repositories/synced-policy-repository.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import {
  type ApiRecord,
  apiRecord,
  type FakePolicyApi,
  type PolicyFault,
  startFakePolicyApi,
} from '../support/fake-policy-api.ts';
import { freePort } from '../support/process.ts';
import { recordStatements } from '../support/query-budget.ts';

const PAGE_SIZE = 20;
const LIMITS: PolicySyncLimits = {
  call: { attempts: 3, timeoutMs: 400, retryDelayMs: 1, longestWaitMs: 2_000, bodyBytes: 256 * 1024 },
  sync: {
    pageSize: PAGE_SIZE,
    pages: 5,
    everyMs: 3_600_000,
    pauseMs: [60_000, 240_000],
    timeoutMs: 20_000,
    leaseMs: 30_000,
  },
};

const records = (count: number, fields: ApiRecord = {}) =>
  Array.from({ length: count }, (_, index) => apiRecord(index, fields));

/** A line that a sync has logged. */
interface SyncLine {
  readonly msg: string;
  readonly outcome: string;
  readonly [field: string]: unknown;
}

describe('synchronising the policies', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  let api: FakePolicyApi;
  const logged: string[] = [];
  const log = createLogger(
    'debug',
    new Writable({
      write(chunk, _encoding, done) {
        logged.push(String(chunk));
        done();
      },
    }),
  );
  before(async () => {
    testDatabase = await createTestDatabase();
    database = connectDatabase({ url: testDatabase.url, poolMax: 6 });
    api = await startFakePolicyApi();
  });
  after(async () => {
    await database.destroy();
    await api[Symbol.asyncDispose]();
    await testDatabase.drop();
  });
  beforeEach(async () => {
    api.restore();
    logged.length = 0;
    await database('synced_policies').delete();
    await database('policy_sync').update({ failures: 0, succeeded_at: null, due_at: database.fn.now() });
  });

  const start = (
    limits: Partial<PolicySyncLimits['sync']> = {},
    given: { url?: string; key?: string } = {},
  ) =>
    startPolicySync({
      api: { url: api.url, key: api.key, ...given },
      policies: createSyncedPolicyRepository(database),
      log,
      now: () => new Date(),
      limits: { call: LIMITS.call, sync: { ...LIMITS.sync, ...limits } },
    });

  const syncLines = () =>
    logged.map((line): SyncLine => JSON.parse(line)).filter(({ msg }) => msg === 'policy sync');

  async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
    const statements: string[] = [];
    const stop = recordStatements(database, ({ sql }) => statements.push(sql));
    await work().finally(stop);
    return statements;
  }

  /** Runs one sync to its end, and returns what it logged. */
  async function syncOnce(...given: Parameters<typeof start>): Promise<SyncLine> {
    const before = syncLines().length;
    await database('policy_sync').update({ due_at: database.fn.now() });
    const sync = start(...given);
    try {
      // The state is written before, or right after, the line.
      const line = await eventually(async () => syncLines()[before]);
      await eventually(async () => ((await due()).pending ? undefined : true));
      return line;
    } finally {
      await sync.stop();
    }
  }

  /** `pending`: only the lease has put it off. */
  async function due(): Promise<{ inSeconds: number; failures: number; pending: boolean }> {
    const [row] = await database('policy_sync').select(
      'failures',
      database.raw('extract(epoch from due_at - now())::float8 as seconds'),
    );
    return {
      inSeconds: row.seconds,
      failures: row.failures,
      pending: row.seconds <= LIMITS.sync.leaseMs / 1_000,
    };
  }

  const stored = (): Promise<{ id: number; policy_no: string; name: string }[]> =>
    database('synced_policies').select('*').orderBy('policy_no');

  test('reads every page once, with its key, and stores what our users can use', async () => {
    api.has(records(50));
    const line = await syncOnce();
    assert.deepEqual(
      api.calls.map(({ query }) => query),
      [1, 2, 3].map((page) => ({
        apiKeyNm: api.key,
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
    const rows = await stored();
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
    const { inSeconds, failures } = await due();
    assert.ok(inSeconds > 3_500 && failures === 0, `${inSeconds}`);
  });

  test('the number of statements does not grow with the policies', async () => {
    const counts: number[] = [];
    for (const count of [1, 90]) {
      api.has(records(count));
      const statements = await statementsOf(() => syncOnce());
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
    api.has(records(10));
    await syncOnce();
    const before = await stored();
    api.has([apiRecord(0, { plcyNm: '이름이 바뀐 정책' }), ...records(8).slice(1), apiRecord(77)]);
    const line = await syncOnce();
    assert.deepEqual([line.outcome, line.removed], ['replaced', 2]);
    const after = await stored();
    assert.deepEqual(
      after.slice(0, 8).map(({ id }) => id),
      before.slice(0, 8).map(({ id }) => id),
    );
    assert.equal(after[0]?.name, '이름이 바뀐 정책');
    assert.equal(after.length, 9);
  });

  describe('a fault leaves everything as it was, and is told', () => {
    const FAULTS: [name: string, fault: PolicyFault, outcome: string, calls: number][] = [
      ['a key that is not known', { resultCode: 401 }, 'refused', 1],
      ['a key that may not', { resultCode: 403 }, 'refused', 1],
      ['status 403', { status: 403 }, 'refused', 1],
      ['a code of its own for too many calls', { resultCode: 429 }, 'limited', 3],
      ['status 429 without Retry-After', { status: 429 }, 'limited', 3],
      ['status 500', { status: 500 }, 'server_error', 3],
      ['a code of its own for its own fault', { resultCode: 500 }, 'server_error', 3],
      ['a cut connection', 'cut', 'unreachable', 3],
      ['no answer', 'hang', 'timeout', 3],
      ['half an answer, and then silence', 'stall', 'timeout', 3],
      ['half of its JSON', 'truncated', 'bad_answer', 3],
      ['a page of HTML', 'html', 'bad_answer', 3],
      ['JSON of another shape', 'no fields', 'bad_answer', 3],
      ['a body without end', 'huge', 'too_large', 1],
      ['a redirect, which would carry the key', 'redirect', 'bad_answer', 3],
    ];
    for (const [name, fault, outcome, calls] of FAULTS) {
      test(name, async () => {
        api.has(records(5));
        await syncOnce();
        const before = await stored();
        api.restore();
        api.failAlways(fault);
        const line = await syncOnce();
        assert.equal(line.outcome, outcome);
        assert.equal(api.calls.length, calls);
        assert.deepEqual(await stored(), before);
        const { inSeconds, failures } = await due();
        assert.equal(failures, 1);
        assert.ok(inSeconds > 50 && inSeconds < 70, `the pause: ${inSeconds}`);
        assert.ok(!logged.join('').includes(api.key), 'the key is in no line');
      });
    }

    test('nobody there', async () => {
      const line = await syncOnce({}, { url: `http://127.0.0.1:${await freePort()}/go/ythip/getPlcy` });
      assert.equal(line.outcome, 'unreachable');
    });

    test('a fault on a later page: not even the first is stored', async () => {
      api.has(records(30));
      api.failAlways({ status: 500 }, 2);
      assert.equal((await syncOnce()).outcome, 'server_error');
      assert.deepEqual(
        api.calls.map(({ page }) => page),
        [1, 2, 2, 2],
      );
      assert.deepEqual(await stored(), []);
    });

    test('a sync that takes too long in all', async () => {
      api.has(records(5));
      api.failAlways({ status: 503, retryAfter: '1' });
      const line = await syncOnce({ timeoutMs: 300 });
      assert.equal(line.outcome, 'timeout');
      assert.equal(api.calls.length, 1, 'it did not wait for the second call');
    });
  });

  test('a fault that passes is called again, and only what failed', async () => {
    api.has(records(30));
    api.failNext({ status: 500 }, 'cut');
    assert.equal((await syncOnce()).outcome, 'replaced');
    assert.deepEqual(
      api.calls.map(({ page }) => page),
      [1, 1, 1, 2],
    );
  });

  test('Retry-After is waited for', async () => {
    api.has(records(5));
    api.failNext({ status: 429, retryAfter: '1' });
    assert.equal((await syncOnce()).outcome, 'replaced');
    const [first, second] = api.calls;
    assert.ok((second?.at ?? 0) - (first?.at ?? 0) >= 990, 'the second call came no sooner');
  });

  test('a long Retry-After ends the sync, and every process leaves the source alone for as long', async () => {
    const date = new Date(Date.now() + 600_000).toUTCString();
    for (const [fault, retryAfter, seconds] of [
      [{ status: 429 }, '300', 300],
      [{ status: 503 }, date, 600],
      [{ status: 429 }, '99999999', 86_400],
      [{ resultCode: 429 }, '300', 300],
    ] as const) {
      api.restore();
      api.failAlways({ ...fault, retryAfter });
      await syncOnce();
      assert.equal(api.calls.length, 1);
      const { inSeconds } = await due();
      assert.ok(Math.abs(inSeconds - seconds) < 20, `${retryAfter}: ${inSeconds}`);
    }
  });

  test('the pause doubles with each failure, to its limit, and is over with a success', async () => {
    api.has(records(3));
    api.failAlways({ status: 500 });
    for (const seconds of [60, 120, 240, 240]) {
      await syncOnce();
      const { inSeconds } = await due();
      assert.ok(inSeconds > seconds - 10 && inSeconds < seconds * 1.1 + 1, `${seconds}: ${inSeconds}`);
    }
    api.restore();
    await syncOnce();
    assert.equal((await due()).failures, 0);
  });

  describe('what is never removed', () => {
    async function storedAfter(given: () => void, limits: Parameters<typeof start>[0] = {}) {
      api.has(records(40));
      await syncOnce();
      api.restore();
      given();
      const line = await syncOnce(limits);
      return { outcome: line.outcome, removed: line.removed, count: (await stored()).length };
    }

    test('by an empty answer', async () => {
      const result = await storedAfter(() => api.has([]));
      assert.deepEqual(result, { outcome: 'empty', removed: 0, count: 40 });
      assert.equal((await due()).failures, 1);
    });

    test('by one with fewer than half of them; what it has is added', async () => {
      const result = await storedAfter(() => api.has([...records(18), apiRecord(99)]));
      assert.deepEqual(result, { outcome: 'added', removed: 0, count: 41 });
    });

    test('by one whose records are mostly broken', async () => {
      const result = await storedAfter(() =>
        api.has(records(40).map((record, index) => (index < 10 ? record : { ...record, plcyNm: null }))),
      );
      assert.deepEqual(result, { outcome: 'added', removed: 0, count: 40 });
    });

    test('by one with more pages than are read', async () => {
      const result = await storedAfter(() => api.has(records(60).slice(20)), { pages: 1 });
      assert.deepEqual(result, { outcome: 'added', removed: 0, count: 40 });
    });

    test('but half of them is believed', async () => {
      const result = await storedAfter(() => api.has(records(20)));
      assert.deepEqual(result, { outcome: 'replaced', removed: 20, count: 20 });
    });
  });

  test('broken records are skipped and counted, and those for others left out', async () => {
    api.has([
      apiRecord(1),
      null,
      'text',
      42,
      [],
      {},
      apiRecord(2, { plcyNo: "'; drop table policies" }),
      apiRecord(3, { plcyNm: { no: 'name' } }),
      apiRecord(4, { plcyKywdNm: null, mclsfNm: ['취업'] }),
      apiRecord(5, { pvsnInstGroupCd: '0054002' }),
      apiRecord(6, { plcyExplnCn: '\u0000\ud800 청년의 첫 걸음을 돕는 일자리 지원\u0000', plcyKywdNm: 7 }),
    ] as ApiRecord[]);
    const { outcome, policies, left_out, rejected } = await syncOnce();
    assert.deepEqual(
      { outcome, policies, left_out, rejected },
      { outcome: 'replaced', policies: 2, left_out: 2, rejected: 7 },
    );
  });

  test('whatever the records hold, the sync ends well and what it stores can be read', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    const anything = fc.oneof(text, fc.constant(null), fc.integer(), fc.jsonValue({ maxDepth: 1 }));
    const date = fc.stringMatching(/^\d{8}$/);
    const given = fc.array(
      fc.record(
        {
          plcyNo: fc.oneof(fc.stringMatching(/^[0-9]{20}$/), anything),
          plcyNm: fc.oneof(text, anything),
          plcyExplnCn: text.map((rest) => `청년을 돕는 사업 안내 ${rest}`),
          bizPrdEndYmd: fc.oneof(date, anything),
          aplyYmd: fc.oneof(
            fc.tuple(date, date).map(([from, to]) => `${from} ~ ${to}`),
            anything,
          ),
          aplyUrlAddr: fc.oneof(fc.webUrl(), anything),
          sprtTrgtMaxAge: anything,
          sprvsnInstCdNm: text,
          plcyKywdNm: anything,
        },
        { requiredKeys: [] },
      ),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(given, async (fields) => {
        api.has(fields.map((some, index) => apiRecord(index, { aplyPrdSeCd: '0057001', ...some })));
        const { outcome, policies, left_out, rejected } = await syncOnce();
        assert.ok(['replaced', 'added', 'empty'].includes(outcome), outcome);
        assert.equal(Number(policies) + Number(left_out) + Number(rejected), fields.length);
      }),
      { numRuns: 25 },
    );
  });

  test('several at once: one synchronises, the others look on', async () => {
    api.has(records(50));
    const release = api.hold();
    const syncs = [start(), start(), start(), start()];
    await eventually(async () => (api.calls.length > 0 ? true : undefined));
    release();
    await eventually(async () => (syncLines().length > 0 && !(await due()).pending ? true : undefined));
    await Promise.all(syncs.map((sync) => sync.stop()));
    assert.equal(api.calls.length, 3);
    assert.equal(syncLines().length, 1);
  });

  test('one that was given up for dead writes nothing when it wakes', async () => {
    api.has(records(5));
    const release = api.hold();
    const sleeper = start();
    await eventually(async () => (api.calls.length === 1 ? true : undefined));
    // Its lease is over, and another process begins.
    await database('policy_sync').update({ due_at: database.fn.now() });
    const claim = await createSyncedPolicyRepository(database).claim(60_000);
    assert.ok('fence' in claim);
    release();
    const line = await eventually(async () => syncLines()[0]);
    await sleeper.stop();
    assert.equal(line.outcome, 'lost');
    assert.deepEqual(await stored(), []);
    assert.ok((await due()).inSeconds > 50, 'the claim of the other one stands');
  });

  test('stopped in the middle: it ends at once, and the next process may begin', async () => {
    api.has(records(5));
    api.failAlways('hang');
    const sync = start();
    await eventually(async () => (api.calls.length === 1 ? true : undefined));
    await sync.stop();
    assert.deepEqual(
      syncLines().map(({ outcome }) => outcome),
      ['cancelled'],
    );
    assert.equal((await due()).failures, 0);
    api.restore();
    assert.ok('fence' in (await createSyncedPolicyRepository(database).claim(1)));
  });

  describe('what a session is given', () => {
    const policiesFor = async (tagId: number) =>
      (await createCorpusRepository(database).forTag(tagId)).policies;

    test('the seeded ones first, then the newest of the others, not all of them, in one order', async () => {
      const seeded = await policiesFor(3);
      api.has(records(30));
      await syncOnce();
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
      api.has(records(30));
      await syncOnce();
      assert.equal((await statementsOf(() => policiesFor(3))).length, 3);
    });

    test('not what has closed since the sync, nor what we have already', async () => {
      const seeded = await policiesFor(3);
      api.has([
        apiRecord(1, { aplyPrdSeCd: '0057001', aplyYmd: '20260101 ~ 29990101' }),
        apiRecord(2),
        apiRecord(3, { plcyNm: '국민 취업지원제도' }),
      ]);
      await syncOnce();
      const names = async () => (await policiesFor(3)).slice(seeded.length).map(({ name }) => name);
      assert.deepEqual(await names(), ['청년 일경험 지원 1호', '청년 일경험 지원 2호']);
      await database('synced_policies').whereNotNull('open_until').update({ open_until: '2026-01-01' });
      assert.deepEqual(await names(), ['청년 일경험 지원 2호']);
    });
  });
});
