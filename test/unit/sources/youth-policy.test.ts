import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MINOR_TAG_IDS } from '../../../src/domain/tags.ts';
import { SourceFault } from '../../../src/sources/source-fault.ts';
import { type PolicyRecord, policyRecordSchema, readPage } from '../../../src/sources/youth-policy/answer.ts';
import { openUntil } from '../../../src/sources/youth-policy/period.ts';
import { toPolicy } from '../../../src/sources/youth-policy/policy.ts';
import { tagsOf } from '../../../src/sources/youth-policy/topics.ts';
import { nameOf, summaryOf } from '../../../src/sources/youth-policy/wording.ts';
import { type ApiRecord, apiRecord } from '../../support/fake-policy-api.ts';

const TODAY = '2026-11-24';
const record = (fields: ApiRecord = {}): PolicyRecord => policyRecordSchema.parse(apiRecord(1, fields));
const policy = (fields: ApiRecord = {}) => toPolicy(record(fields), TODAY);

describe('a page', () => {
  const page = (list: unknown, totCount: unknown = 1) =>
    JSON.stringify({ resultCode: 200, result: { pagging: { totCount }, youthPolicyList: list } });

  test('has its records, without the broken ones, which count', () => {
    const { count, totalCount, records } = readPage(page([apiRecord(1), {}, null, apiRecord(2)], '2751'));
    assert.deepEqual([count, totalCount, records.length], [4, 2751, 2]);
  });

  test('without records has none', () => {
    assert.deepEqual(readPage(page(null, 0)), { count: 0, totalCount: 0, records: [] });
  });

  for (const [body, code] of [
    ['', 'bad_answer'],
    ['<html>', 'bad_answer'],
    ['null', 'bad_answer'],
    ['[]', 'bad_answer'],
    ['{"resultCode":"two hundred"}', 'bad_answer'],
    ['{"resultCode":200,"result":null}', 'bad_answer'],
    [page({}), 'bad_answer'],
    [page([], -1), 'bad_answer'],
    ['{"resultCode":401,"result":null}', 'refused'],
    ['{"resultCode":"403"}', 'refused'],
    ['{"resultCode":404}', 'refused'],
    ['{"resultCode":429}', 'limited'],
    ['{"resultCode":500}', 'server_error'],
    ['{"resultCode":-1}', 'bad_answer'],
  ] as const) {
    test(`${body.slice(0, 40) || 'nothing'} is ${code}`, () => {
      assert.throws(() => readPage(body), { name: 'SourceFault', code });
    });
  }

  test('any text is a page or a fault, and a fault quotes nothing of it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        try {
          readPage(body);
        } catch (error) {
          assert.ok(error instanceof SourceFault);
          assert.equal(error.message, `external source: ${error.code}`);
          assert.equal(error.cause, undefined);
        }
      }),
    );
  });

  test('a value of another type counts as not said, unless the policy is nothing without it', () => {
    const odd = fc.oneof(fc.constant(null), fc.boolean(), fc.array(fc.string()), fc.object());
    const fields = ['plcyExplnCn', 'mclsfNm', 'aplyYmd', 'sprtTrgtMaxAge', 'aplyUrlAddr', 'rgtrInstCdNm'];
    fc.assert(
      fc.property(fc.constantFrom(...fields), odd, (field, value) => {
        assert.equal(readPage(page([apiRecord(1, { [field]: value })])).records.length, 1);
      }),
    );
    for (const field of ['plcyNo', 'plcyNm']) {
      assert.equal(readPage(page([apiRecord(1, { [field]: null })])).records.length, 0);
    }
  });
});

describe('a policy', () => {
  test('is what users are told', () => {
    assert.deepEqual(policy(), {
      policyNo: '20260101005400000001',
      tagIds: [3, 4],
      name: '청년 일경험 지원 1호',
      organization: '고용노동부',
      summary: '청년의 첫 경력을 돕기 위한 1번째 일경험 지원',
      link: 'https://www.work24.go.kr/policy/1',
      openUntil: null,
    });
  });

  for (const [why, fields] of [
    ['of one town', { pvsnInstGroupCd: '0054002' }],
    ['of nobody knows whom', { pvsnInstGroupCd: '' }],
    ['that was not approved', { plcyAprvSttsCd: '0044003' }],
    ['for the middle-aged', { sprtTrgtMinAge: '40', sprtTrgtMaxAge: '64' }],
    ['for children', { sprtTrgtMinAge: '0', sprtTrgtMaxAge: '12' }],
    ['that has closed', { aplyPrdSeCd: '0057003' }],
    ['whose period is over', { aplyPrdSeCd: '0057001', aplyYmd: '20261101 ~ 20261123' }],
    ['whose undertaking is over', { bizPrdEndYmd: '20261123' }],
    ['about something else', { mclsfNm: '교육비지원', plcyKywdNm: '보조금' }],
    ['of no organisation', { sprvsnInstCdNm: ' ' }],
    ['without a word of what it is', { plcyExplnCn: '', plcySprtCn: '-' }],
  ] as const) {
    test(`${why} is left out`, () => assert.equal(policy(fields), undefined));
  }

  for (const [why, fields] of [
    ['for all ages', { sprtTrgtMinAge: '0', sprtTrgtMaxAge: '0' }],
    ['for some of the young', { sprtTrgtMinAge: '15', sprtTrgtMaxAge: '19' }],
    ['for the young and older', { sprtTrgtMinAge: 34, sprtTrgtMaxAge: '' }],
    ['whose last day is today', { aplyPrdSeCd: '0057001', aplyYmd: '20261101 ~ 20261124' }],
    [
      'with a second period',
      { aplyPrdSeCd: '0057001', aplyYmd: '20260101 ~ 20260131\\N20261201 ~ 20261231' },
    ],
    ['without a status', { plcyAprvSttsCd: '' }],
    ['of another organisation in charge', { sprvsnInstCdNm: '', rgtrInstCdNm: '고용노동부' }],
  ] as const) {
    test(`${why} is told`, () => assert.ok(policy(fields)));
  }

  test('links to the web alone, and else to its page at the API', () => {
    const link = (aplyUrlAddr: unknown, refUrlAddr1: unknown = '') =>
      policy({ aplyUrlAddr, refUrlAddr1 })?.link;
    const page =
      'https://www.youthcenter.go.kr/youthPolicy/ythPlcyTotalSearch/ythPlcyDetail/20260101005400000001';
    assert.equal(link('http://grrc.example.kr'), 'http://grrc.example.kr/');
    assert.equal(link('', 'https://b.example.kr/x?y=1'), 'https://b.example.kr/x?y=1');
    for (const other of [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)//https://a.kr',
      'data:text/html,x',
      'ftp://a.example.kr',
      'www.work24.go.kr',
      'https://user:secret@a.example.kr',
      'http://localhost/',
      `https://a.example.kr/${'x'.repeat(200)}`,
      '누리집 참고',
      null,
    ]) {
      assert.equal(link(other), page, String(other));
    }
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string()), fc.string(), (first, second) => {
        assert.match(link(first, second) ?? '', /^https?:\/\/[^\s]+$/);
      }),
    );
  });

  test('whatever stands in a record, a policy is short, on one line, without markup, and dated by the calendar', () => {
    const some = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc
        .array(
          fc.constantFrom(
            '○ ',
            '(사업목적) ',
            '청년의 일을 돕는 사업입니다. ',
            '\n',
            '<p>',
            '</p>',
            '&nbsp;',
            '‘',
            '’',
            '\u0000',
            '상담 지원 ',
          ),
          {
            maxLength: 40,
          },
        )
        .map((parts) => parts.join('')),
      fc.stringMatching(/^\d{8} ~ \d{8}$/),
    );
    fc.assert(
      fc.property(
        fc.record({
          plcyNm: some,
          plcyExplnCn: some,
          sprvsnInstCdNm: some,
          aplyYmd: some,
          bizPrdEndYmd: some,
        }),
        (fields) => {
          const parsed = policyRecordSchema.safeParse(apiRecord(1, { ...fields, aplyPrdSeCd: '0057001' }));
          const found = parsed.success ? toPolicy(parsed.data, TODAY) : undefined;
          if (found === undefined) return;
          const { name, organization, summary } = found;
          for (const [text, limit] of [
            [name, 50],
            [organization, 30],
            [summary, 100],
          ] as const) {
            assert.ok(text.length > 0 && text.length <= limit, text);
            assert.ok(text.isWellFormed());
            assert.doesNotMatch(text, /[\p{Cc}\n\u2028]|<\/?(p|br|div)\b/iu);
          }
          assert.doesNotMatch(name + summary, /[‘’]/);
          if (found.openUntil !== null) {
            assert.ok(found.openUntil >= TODAY);
            assert.equal(new Date(found.openUntil).toISOString().slice(0, 10), found.openUntil);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the last day', () => {
  for (const [fields, day] of [
    [{ aplyPrdSeCd: '0057001', aplyYmd: '20260301 ~ 20260331' }, '2026-03-31'],
    [{ aplyPrdSeCd: '0057001', aplyYmd: '2026-03-01 ~ 2026-03-31' }, '2026-03-31'],
    [{ aplyPrdSeCd: '0057001', aplyYmd: '2026.03.01~2026.03.31' }, '2026-03-31'],
    [{ aplyPrdSeCd: '0057001', aplyYmd: '20260901 ~ 20260930\\N20260301 ~ 20260331' }, '2026-09-30'],
    [{ aplyPrdSeCd: '0057001', aplyYmd: '20260301 ~ 20260331', bizPrdEndYmd: '20260201' }, '2026-02-01'],
    [{ aplyPrdSeCd: '0057001', aplyYmd: '20260301 ~ 20261399' }, null],
    [{ aplyPrdSeCd: '0057001', aplyYmd: '20260230 ~ 20260230' }, null],
    [{ aplyPrdSeCd: '0057001', aplyYmd: '예산 소진 시' }, null],
    [{ aplyPrdSeCd: '0057002', aplyYmd: '20260301 ~ 20260331' }, null],
    [{ bizPrdEndYmd: '20270228' }, '2027-02-28'],
    [{ bizPrdEndYmd: '00000000' }, null],
    [{ bizPrdEndYmd: '99991231' }, '9999-12-31'],
  ] as const) {
    test(`of ${JSON.stringify(fields)} is ${day}`, () => assert.equal(openUntil(record(fields)), day));
  }
});

describe('tags', () => {
  test('come from categories and keywords, several of each', () => {
    assert.deepEqual(tagsOf({ mclsfNm: '재직자', plcyKywdNm: '' }), [2, 4]);
    assert.deepEqual(tagsOf({ mclsfNm: '건강', plcyKywdNm: '보조금, 맞춤형상담서비스' }), [6, 7, 8]);
    assert.deepEqual(tagsOf({ mclsfNm: '취약계층및금융지원', plcyKywdNm: '맞춤형상담서비스' }), [10]);
    assert.deepEqual(tagsOf({ mclsfNm: '취업,권익보호', plcyKywdNm: '' }), [2, 3, 4, 12]);
    assert.deepEqual(tagsOf({ mclsfNm: '', plcyKywdNm: '장기미취업청년' }), [3]);
  });

  test('are minor ones, and nothing is guessed from other words', () => {
    const categories = [
      '취업',
      '재직자',
      '창업',
      '주택 및 거주지',
      '기숙사',
      '건강',
      '권익보호',
      '문화활동',
      '청년참여',
    ];
    fc.assert(
      fc.property(fc.subarray(categories), fc.string(), (some, other) => {
        const tags = tagsOf({ mclsfNm: some.join(','), plcyKywdNm: other });
        assert.ok(tags.every((id) => MINOR_TAG_IDS.includes(id)));
        assert.deepEqual(
          tags,
          [...new Set(tags)].sort((a, b) => a - b),
        );
      }),
    );
    assert.deepEqual(tagsOf({ mclsfNm: '우울 상담, 취업준비', plcyKywdNm: '불면' }), []);
  });
});

describe('wording', () => {
  for (const [text, summary] of [
    ['○ (사업목적) 청년의 마음 건강을 돕는 상담 지원\n○ (예산) 1억', '청년의 마음 건강을 돕는 상담 지원'],
    ['[추진배경]\n고립·은둔 청년의 일상 회복을 돕는 상담', '고립·은둔 청년의 일상 회복을 돕는 상담'],
    ['- 지원내용 : 청년 마음건강 상담 여덟 번 지원', '청년 마음건강 상담 여덟 번 지원'],
    ['<p>월세를 <b>열두 달</b> 지원합니다.</p><p>끝</p>', '월세를 열두 달 지원합니다.'],
    ['신규&nbsp;시장 진입을 위한 ‘2026 캠프’\u1b3c교육', "신규 시장 진입을 위한 '2026 캠프'·교육"],
  ] as const) {
    test(text.slice(0, 24), () => assert.equal(summaryOf(text), summary));
  }

  test('a long text ends with a sentence where one fits, else with a word', () => {
    const sentence =
      '청년이 일을 쉬는 동안 생활비와 상담을 함께 지원하고 다시 시작할 때까지 곁에서 차근차근 돕습니다.';
    assert.equal(summaryOf(`${sentence} ${sentence} ${sentence}`), sentence);

    assert.match(summaryOf('청년 지원 '.repeat(40)) ?? '', /(청년|지원)…$/);
  });

  test('a name has no marks that would nest', () => {
    assert.equal(nameOf(' ‘청년’_"월세"\n지원 '), '청년 월세 지원');
  });
});
