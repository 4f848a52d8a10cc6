import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { type ApiRecord, apiRecord, type PolicyFault } from '../support/fake-policy-api.ts';
import { createTestPolicySync, records, type TestPolicySync } from '../support/policy-sync.ts';
import { freePort } from '../support/process.ts';

describe('faults of the policy API', () => {
  let sync: TestPolicySync;
  before(async () => {
    sync = await createTestPolicySync();
  });
  after(() => sync[Symbol.asyncDispose]());
  beforeEach(() => sync.reset());

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
        sync.api.has(records(5));
        await sync.syncOnce();
        const before = await sync.stored();
        sync.api.restore();
        sync.api.failAlways(fault);
        const line = await sync.syncOnce();
        assert.equal(line.outcome, outcome);
        assert.equal(sync.api.calls.length, calls);
        assert.deepEqual(await sync.stored(), before);
        const { inSeconds, failures } = await sync.due();
        assert.equal(failures, 1);
        assert.ok(inSeconds > 50 && inSeconds < 70, `the pause: ${inSeconds}`);
        assert.ok(!sync.logged.join('').includes(sync.api.key), 'the key is in no line');
      });
    }

    test('nobody there', async () => {
      const line = await sync.syncOnce({}, { url: `http://127.0.0.1:${await freePort()}/go/ythip/getPlcy` });
      assert.equal(line.outcome, 'unreachable');
    });

    test('a fault on a later page: not even the first is stored', async () => {
      sync.api.has(records(30));
      sync.api.failAlways({ status: 500 }, 2);
      assert.equal((await sync.syncOnce()).outcome, 'server_error');
      assert.deepEqual(
        sync.api.calls.map(({ page }) => page),
        [1, 2, 2, 2],
      );
      assert.deepEqual(await sync.stored(), []);
    });

    test('a sync that takes too long in all', async () => {
      sync.api.has(records(5));
      sync.api.failAlways({ status: 503, retryAfter: '1' });
      const line = await sync.syncOnce({ timeoutMs: 300 });
      assert.equal(line.outcome, 'timeout');
      assert.equal(sync.api.calls.length, 1, 'it did not wait for the second call');
    });
  });

  test('a fault that passes is called again, and only what failed', async () => {
    sync.api.has(records(30));
    sync.api.failNext({ status: 500 }, 'cut');
    assert.equal((await sync.syncOnce()).outcome, 'replaced');
    assert.deepEqual(
      sync.api.calls.map(({ page }) => page),
      [1, 1, 1, 2],
    );
  });

  test('Retry-After is waited for', async () => {
    sync.api.has(records(5));
    sync.api.failNext({ status: 429, retryAfter: '1' });
    assert.equal((await sync.syncOnce()).outcome, 'replaced');
    const [first, second] = sync.api.calls;
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
      sync.api.restore();
      sync.api.failAlways({ ...fault, retryAfter });
      await sync.syncOnce();
      assert.equal(sync.api.calls.length, 1);
      const { inSeconds } = await sync.due();
      assert.ok(Math.abs(inSeconds - seconds) < 20, `${retryAfter}: ${inSeconds}`);
    }
  });

  test('the pause doubles with each failure, to its limit, and is over with a success', async () => {
    sync.api.has(records(3));
    sync.api.failAlways({ status: 500 });
    for (const seconds of [60, 120, 240, 240]) {
      await sync.syncOnce();
      const { inSeconds } = await sync.due();
      assert.ok(inSeconds > seconds - 10 && inSeconds < seconds * 1.1 + 1, `${seconds}: ${inSeconds}`);
    }
    sync.api.restore();
    await sync.syncOnce();
    assert.equal((await sync.due()).failures, 0);
  });

  describe('what is never removed', () => {
    async function storedAfter(given: () => void, limits: Parameters<TestPolicySync['start']>[0] = {}) {
      sync.api.has(records(40));
      await sync.syncOnce();
      sync.api.restore();
      given();
      const line = await sync.syncOnce(limits);
      return { outcome: line.outcome, removed: line.removed, count: (await sync.stored()).length };
    }

    test('by an empty answer', async () => {
      const result = await storedAfter(() => sync.api.has([]));
      assert.deepEqual(result, { outcome: 'empty', removed: 0, count: 40 });
      assert.equal((await sync.due()).failures, 1);
    });

    test('by one with fewer than half of them; what it has is added', async () => {
      const result = await storedAfter(() => sync.api.has([...records(18), apiRecord(99)]));
      assert.deepEqual(result, { outcome: 'added', removed: 0, count: 41 });
    });

    test('by one whose records are mostly broken', async () => {
      const result = await storedAfter(() =>
        sync.api.has(records(40).map((record, index) => (index < 10 ? record : { ...record, plcyNm: null }))),
      );
      assert.deepEqual(result, { outcome: 'added', removed: 0, count: 40 });
    });

    test('by one with more pages than are read', async () => {
      const result = await storedAfter(() => sync.api.has(records(60).slice(20)), { pages: 1 });
      assert.deepEqual(result, { outcome: 'added', removed: 0, count: 40 });
    });

    test('but half of them is believed', async () => {
      const result = await storedAfter(() => sync.api.has(records(20)));
      assert.deepEqual(result, { outcome: 'replaced', removed: 20, count: 20 });
    });
  });

  test('broken records are skipped and counted, and those for others left out', async () => {
    sync.api.has([
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
    const { outcome, policies, left_out, rejected } = await sync.syncOnce();
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
        sync.api.has(fields.map((some, index) => apiRecord(index, { aplyPrdSeCd: '0057001', ...some })));
        const { outcome, policies, left_out, rejected } = await sync.syncOnce();
        assert.ok(['replaced', 'added', 'empty'].includes(outcome), outcome);
        assert.equal(Number(policies) + Number(left_out) + Number(rejected), fields.length);
      }),
      { numRuns: 25 },
    );
  });
});
