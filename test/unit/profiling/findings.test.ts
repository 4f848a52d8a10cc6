import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { unitsOf } from '../../../src/profiling/analysis/unit-of-work.ts';
import { createCacheEconomics } from '../../../src/profiling/findings/cache-economics.ts';
import { createFindingLog } from '../../../src/profiling/findings/finding-log.ts';
import { rememberPrompts } from '../../../src/profiling/findings/repeated-prompts.ts';
import { THRESHOLDS } from '../../../src/profiling/findings/rule.ts';
import { createRules } from '../../../src/profiling/findings/rules.ts';
import type { Finding, RuleId } from '../../../src/profiling/model.ts';
import type { StoredSpan } from '../../../src/profiling/store/stored-span.ts';
import { request, type SpanSketch, span, statement, step } from '../../support/spans.ts';

const BY_ID = 'select * from things where id = ?';

/** What is found in one request, with the times at which the event loop was blocked. */
function find(spans: readonly StoredSpan[], blocks: readonly { start: number; end: number }[] = []) {
  const rules = createRules(() => blocks, THRESHOLDS);
  return unitsOf(spans).flatMap((unit) => rules(unit, 'trace'));
}

function findOnly(spans: readonly StoredSpan[], blocks?: readonly { start: number; end: number }[]): Finding {
  const found = find(spans, blocks);
  const [finding] = found;
  assert.ok(finding && found.length === 1, JSON.stringify(found.map(({ title }) => title)));
  return finding;
}

interface Loop {
  readonly calls: number;
  readonly msEach: number;
  readonly sql?: string;
  readonly parent?: string;
  /** How many of the values differ; all of them unless given. */
  readonly distinct?: number;
  readonly parallel?: boolean;
}

function loop({ calls, msEach, sql = BY_ID, parent = 'root', distinct = calls, parallel = false }: Loop) {
  return Array.from({ length: calls }, (_, index) => {
    const from = parallel ? index * 0.01 : index * msEach;
    return statement({
      id: `${parent}-${sql}-${index}`,
      parent,
      sql,
      values: `${parent} ${index % distinct}`,
      from,
      to: from + msEach,
      ...(index === 1 ? { callSite: 'src/things.ts:12' } : {}),
    });
  });
}

describe('n-plus-one', () => {
  test('a query for each row, with the line and what it would save', () => {
    const finding = findOnly([request(1_000), ...loop({ calls: 8, msEach: 4 })]);
    assert.equal(finding.rule, 'n-plus-one');
    assert.equal(finding.severity, 'warning');
    assert.equal(finding.callSite, 'src/things.ts:12');
    assert.equal(finding.count, 8);
    assert.equal(finding.timeMs, 32);
    assert.equal(finding.savingMs, 28);
    assert.deepEqual(finding.evidence, {
      statement: BY_ID,
      distinctBindings: 8,
      parent: 'root',
      share: 0.032,
    });
    assert.equal(finding.spanIds.length, 8);
  });

  for (const [what, duration, calls, severity] of [
    ['10 calls that take 50 ms together', 10_000, { calls: 10, msEach: 5 }, 'critical'],
    ['10 calls that are a tenth of the request', 300, { calls: 10, msEach: 3 }, 'critical'],
    ['10 calls that are neither', 1_000, { calls: 10, msEach: 4.9 }, 'warning'],
    ['9 calls, however long', 1_000, { calls: 9, msEach: 50 }, 'warning'],
    ['5 calls of 4 ms', 1_000, { calls: 5, msEach: 4 }, 'warning'],
  ] as const) {
    test(`${what}: ${severity}`, () => {
      assert.equal(findOnly([request(duration), ...loop(calls)]).severity, severity);
    });
  }

  test('in any order between others, and also at the same time', () => {
    const other = loop({ calls: 4, msEach: 5, sql: 'select * from others where id = ?' });
    assert.equal(findOnly([request(1_000), ...loop({ calls: 6, msEach: 5 }), ...other]).count, 6);
    // Those that run at the same time take the time of one.
    assert.equal(findOnly([request(1_000), ...loop({ calls: 6, msEach: 25, parallel: true })]).count, 6);
    assert.deepEqual(find([request(1_000), ...loop({ calls: 6, msEach: 19, parallel: true })]), []);
  });

  test('waits for a connection between the calls are no other calls', () => {
    const waits = [0, 1, 2].map((index) =>
      span({
        id: `w${index}`,
        parent: 'root',
        kind: 'client',
        name: 'pg-pool.connect',
        from: index,
        to: index + 1,
      }),
    );
    assert.equal(findOnly([request(1_000), ...loop({ calls: 6, msEach: 5 }), ...waits]).count, 6);
  });

  for (const [what, near] of [
    ['4 calls', loop({ calls: 4, msEach: 50 })],
    ['19 ms together', loop({ calls: 5, msEach: 3.8 })],
    ['other statements', [0, 1, 2, 3, 4].flatMap((n) => loop({ calls: 1, msEach: 20, sql: `select ${n}` }))],
    [
      'other parents',
      [0, 1, 2, 3, 4].flatMap((n) => [
        span({ id: `p${n}`, parent: 'root', from: 0, to: 1_000 }),
        ...loop({ calls: 1, msEach: 20, parent: `p${n}` }),
      ]),
    ],
  ] as const) {
    test(`not for ${what}`, () => assert.deepEqual(find([request(1_000), ...near]), []));
  }

  test('not for 4 different values: those are redundant reads', () => {
    const found = find([request(1_000), ...loop({ calls: 8, msEach: 5, distinct: 4 })]);
    assert.ok(found.length > 0 && found.every(({ rule }) => rule === 'redundant-reads'));
  });
});

describe('redundant-reads', () => {
  const read = (id: string, from: number, values = 'v', sql = BY_ID) =>
    statement({ id, from, to: from + 5, values, sql });

  test('the same twice, and nothing written in between', () => {
    const finding = findOnly([request(100), read('a', 0), read('b', 50)]);
    assert.deepEqual([finding.rule, finding.severity, finding.count], ['redundant-reads', 'info', 2]);
    assert.equal(finding.savingMs, 5);
  });

  test('five times is a warning', () => {
    const reads = [0, 1, 2, 3, 4].map((index) => read(`r${index}`, index * 10));
    assert.equal(findOnly([request(100), ...reads]).severity, 'warning');
  });

  for (const [what, between, isFound] of [
    ['a write to its table', 'update things set name = ? where id = ?', false],
    ['a write to another table', 'update others set name = ?', true],
    ['a write nobody knows where to', 'call something(?)', false],
    ['a lock of its rows', 'select * from things where id = ? for update', false],
    ['the begin of a transaction', 'BEGIN;', true],
  ] as const) {
    test(`${what} in between: ${isFound ? 'found' : 'not found'}`, () => {
      const spans = [
        request(100),
        read('a', 0),
        statement({ id: 'w', from: 20, to: 25, sql: between }),
        read('b', 50),
      ];
      assert.equal(find(spans).length, Number(isFound));
    });
  }

  test('not with other values, and not for writes', () => {
    assert.deepEqual(find([request(100), read('a', 0, 'v'), read('b', 50, 'w')]), []);
    const insert = 'insert into things values (?)';
    assert.deepEqual(find([request(100), read('a', 0, 'v', insert), read('b', 50, 'v', insert)]), []);
  });
});

describe('Redis and HTTP', () => {
  const calls = (count: number, sketch: Partial<SpanSketch>, msEach = 5) =>
    Array.from({ length: count }, (_, index) =>
      span({
        id: `c${index}`,
        parent: 'root',
        kind: 'client',
        from: index * 10,
        to: index * 10 + msEach,
        values: `v${index}`,
        ...sketch,
      }),
    );
  const redis = { fingerprint: 'get session', attributes: { 'db.system.name': 'redis' } };
  const http = { fingerprint: 'GET api.test/{}', attributes: { 'http.request.method': 'GET' } };

  for (const [rule, sketch] of [
    ['redis-n-plus-one', redis],
    ['http-n-plus-one', http],
  ] as const) {
    test(rule, () => {
      assert.equal(findOnly([request(1_000), ...calls(5, sketch)]).rule, rule);
      assert.deepEqual(find([request(1_000), ...calls(4, sketch)]), []);
      assert.deepEqual(find([request(1_000), ...calls(5, sketch, 3.9)]), []);
      assert.deepEqual(find([request(1_000), ...calls(5, { ...sketch, values: 'same' })]), []);
    });
  }

  test('tells command and namespace, never a key', () => {
    const { evidence } = findOnly([request(1_000), ...calls(5, redis)]);
    assert.deepEqual([evidence.command, evidence.namespace], ['get', 'session']);
  });
});

describe('sequential-steps', () => {
  const slow = (sources: number, persona: number, empathy: number, reflection: number) => {
    const ends = [40, sources, persona, empathy, reflection].map((_, index, all) =>
      all.slice(0, index + 1).reduce((sum, ms) => sum + ms, 0),
    ) as [number, number, number, number, number];
    return [
      request(ends[4] + 40),
      step('context', ['userId'], 0, 40),
      step('sources', ['topic', 'context'], ends[0], ends[1]),
      step('persona', ['topic', 'context'], ends[1], ends[2]),
      step('empathy', ['context', 'sources'], ends[2], ends[3]),
      step('reflection', ['context', 'sources'], ends[3], ends[4]),
      step('save', ['persona', 'empathy', 'reflection'], ends[4], ends[4] + 40),
    ];
  };

  test('the graph re-run on paper tells the saving', () => {
    const finding = findOnly(slow(300, 800, 1_200, 1_000));
    assert.equal(finding.rule, 'sequential-steps');
    assert.equal(finding.severity, 'critical');
    // 40 + 300 + 1200 + 40, in the place of 40 + 300 + 800 + 1200 + 1000 + 40.
    assert.equal(finding.evidence.nowMs, 3_380);
    assert.equal(finding.evidence.predictedMs, 1_580);
    assert.equal(finding.savingMs, 1_800);
    assert.deepEqual(finding.evidence.steps, ['sources', 'persona', 'empathy', 'reflection']);
  });

  test('what passes between two steps stays in front of the second', () => {
    const spans = [request(500), step('a', [], 0, 200), step('b', [], 240, 440)];
    assert.equal(findOnly(spans).savingMs, 440 - 240);
  });

  for (const [what, spans] of [
    [
      'the same steps at the same time',
      [
        request(1_500),
        step('context', [], 0, 10),
        step('sources', ['context'], 10, 310),
        step('persona', ['context'], 10, 810),
        step('empathy', ['sources'], 310, 1_500),
      ],
    ],
    ['steps that need each other', [request(600), step('a', [], 0, 300), step('b', ['a'], 300, 600)]],
    [
      'a need through a third',
      [request(600), step('a', [], 0, 200), step('b', ['a'], 200, 400), step('c', ['b'], 400, 600)],
    ],
    ['a saving of 99 ms', [request(300), step('a', [], 0, 99), step('b', [], 99, 300)]],
    ['a saving of less than a tenth', [request(1_500), step('a', [], 0, 140), step('b', [], 140, 1_500)]],
    ['steps of 29 ms', [request(145), ...[0, 1, 2, 3, 4].map((n) => step(`s${n}`, [], n * 29, n * 29 + 29))]],
    [
      'a step that ran twice',
      [request(600), step('a', [], 0, 300), { ...step('a', [], 300, 600), id: 'again' }],
    ],
    [
      'spans that declare nothing',
      [
        request(600),
        span({ id: 'a', parent: 'root', from: 0, to: 300 }),
        span({ id: 'b', parent: 'root', from: 300, to: 600 }),
      ],
    ],
  ] as const) {
    test(`not for ${what}`, () => assert.deepEqual(find(spans), []));
  }
});

describe('the other rules', () => {
  const model = (id: string, from: number, to: number, more: Partial<SpanSketch> = {}) =>
    span({
      id,
      parent: 'root',
      kind: 'client',
      from,
      to,
      attributes: { 'gen_ai.request.model': 'gemini' },
      fingerprint: 'prompt',
      ...more,
    });
  const wait = (to: number, failed = false) =>
    span({ id: 'w', parent: 'root', from: 0, to, failed, attributes: { 'profiler.wait': 'pool' } });
  const slow = (id: string, ms: number) => statement({ id, from: 0, to: ms, sql: BY_ID, values: id });

  for (const [what, spans, rule, severity] of [
    ['a statement of 500 ms', [request(5_000), slow('a', 500)], 'slow-statement', 'warning'],
    ['a statement of 499 ms', [request(5_000), slow('a', 499)], undefined, undefined],
    [
      'three of them',
      [request(5_000), ...['a', 'b', 'c'].map((id) => slow(id, 600))],
      'slow-statement',
      'critical',
    ],
    [
      'a tenth of the request waiting for a connection',
      [request(500), wait(50)],
      'pool-exhausted',
      'warning',
    ],
    ['a wait for a connection that failed', [request(500), wait(1, true)], 'pool-exhausted', 'critical'],
    ['49 ms of waiting for a connection', [request(400), wait(49)], undefined, undefined],
    ['less than a tenth of it', [request(1_000), wait(99)], undefined, undefined],
    ['a model call of 80 %', [request(1_000), model('m', 0, 800)], 'model-dominates', 'info'],
    ['a model call of 79 %', [request(1_000), model('m', 0, 790)], undefined, undefined],
    [
      'the same prompt twice',
      [request(900), model('m', 0, 300, { values: 'p' }), model('n', 300, 600, { values: 'p' })],
      'identical-prompts',
      'warning',
    ],
    [
      'different prompts',
      [request(900), model('m', 0, 300, { values: 'p' }), model('n', 300, 600, { values: 'q' })],
      undefined,
      undefined,
    ],
    [
      'a prompt asked again because the first call failed',
      [
        request(900),
        model('m', 0, 300, { values: 'p', failed: true }),
        model('n', 300, 600, { values: 'p' }),
      ],
      undefined,
      undefined,
    ],
  ] as const) {
    test(`${what}: ${rule ?? 'nothing'}`, () => {
      const found = find(spans);
      assert.deepEqual(
        found.map((finding) => [finding.rule, finding.severity]),
        rule === undefined ? [] : [[rule, severity]],
      );
    });
  }

  test('pool-exhausted: not for the time in which a new connection was opened', () => {
    const opening = (to: number) => span({ id: 'o', parent: 'w', from: 0, to, kind: 'client' });
    assert.deepEqual(find([request(500), wait(120), opening(118)]), []);
    const finding = findOnly([request(500), wait(120), opening(60)]);
    assert.deepEqual([finding.rule, finding.timeMs, finding.savingMs], ['pool-exhausted', 60, 60]);
  });

  test('a statement is not slow for the time in which nobody could take its answer', () => {
    const blocks = [{ start: 450, end: 550 }];
    assert.deepEqual(find([request(5_000), slow('a', 549)], blocks), []);
    assert.equal(findOnly([request(5_000), slow('a', 600)], blocks).rule, 'slow-statement');
  });

  test('event-loop-blocked: the step that worked at that time, not who waited for an answer', () => {
    const spans = [
      request(600),
      step('burn', [], 100, 400),
      step('wait', [], 100, 400),
      span({ id: 'call', parent: 'wait', kind: 'client', from: 100, to: 400 }),
    ];
    const burn = {
      ...step('burn', [], 100, 400),
      notes: { fingerprint: '', values: '', callSite: 'src/burn.ts:5' },
    };
    const inside = span({ id: 'loop', parent: 'burn', from: 110, to: 390 });
    const finding = findOnly([request(600), burn, inside], [{ start: 150, end: 350 }]);
    assert.deepEqual(
      [finding.rule, finding.step, finding.callSite],
      ['event-loop-blocked', 'burn', 'src/burn.ts:5'],
    );
    const waiting = spans.filter(({ id }) => id !== 'burn');
    assert.deepEqual(find(waiting, [{ start: 150, end: 350 }]), []);
    assert.deepEqual(find(spans, [{ start: 700, end: 900 }]), []);
  });
});

describe('identical-prompts of other requests', () => {
  const MINUTE = 60_000;
  /** Requests of one model call each, by the minute in which they start. */
  const asking = (id: string, minute: number, values: string, failed = false) => [
    { ...request(minute * MINUTE + 900, minute * MINUTE), id },
    span({
      id: `${id} call`,
      parent: id,
      kind: 'client',
      from: minute * MINUTE,
      to: minute * MINUTE + 300,
      failed,
      attributes: { 'gen_ai.request.model': 'gemini' },
      fingerprint: 'prompt',
      values,
      callSite: 'src/ask.ts:7',
    }),
  ];
  function found(...requests: StoredSpan[][]) {
    const rules = createRules(() => [], THRESHOLDS);
    return requests.flatMap((spans) => unitsOf(spans).flatMap((unit) => rules(unit, unit.root.id)));
  }

  test('the third request of one prompt knows of the others, and what it need not have waited for', () => {
    const [second, third, ...more] = found(
      asking('a', 0, 'p'),
      asking('other', 1, 'q'),
      asking('b', 5, 'p'),
      asking('c', 9, 'p'),
    );
    assert.deepEqual(more, []);
    assert.deepEqual([second?.traceId, second?.count], ['b', 2]);
    assert.equal(third?.rule, 'identical-prompts');
    assert.deepEqual(third?.evidence, { model: 'gemini', prompts: 3, requests: 3 });
    assert.deepEqual([third?.savingMs, third?.callSite], [300, 'src/ask.ts:7']);
    assert.equal(second?.fingerprint, third?.fingerprint);
    assert.match(third?.title ?? '', /3 times by 3 requests within 10 minutes/);
  });

  for (const [what, requests] of [
    ['more than ten minutes apart', [asking('a', 0, 'p'), asking('b', 10.1, 'p')]],
    ['another prompt', [asking('a', 0, 'p'), asking('b', 1, 'q')]],
    ['after a call that failed', [asking('a', 0, 'p', true), asking('b', 1, 'p')]],
    ['a trace that is looked at again', [asking('a', 0, 'p'), asking('a', 0, 'p')]],
  ] as const) {
    test(`not for ${what}`, () => assert.deepEqual(found(...requests), []));
  }

  test('a trace that was looked at twice counts once', () => {
    const [finding] = found(asking('a', 0, 'p'), asking('a', 0, 'p'), asking('b', 1, 'p'));
    assert.equal(finding?.count, 2);
  });

  test('in a bounded memory: the prompts not asked for longest are forgotten', () => {
    const prompts = rememberPrompts();
    const rules = createRules(() => [], THRESHOLDS, prompts);
    const ask = (id: string, values: string) =>
      unitsOf(asking(id, 0, values)).flatMap((unit) => rules(unit, id)).length;
    ask('kept', 'asked again and again');
    for (let index = 0; index < 20_000; index++) {
      ask(`r${index}`, `p${index}`);
      if (index % 1_000 === 0) ask(`k${index}`, 'asked again and again');
    }
    assert.ok(prompts.bytes() <= 1_000_000, String(prompts.bytes()));
    assert.equal(ask('last', 'asked again and again'), 1);
    assert.equal(ask('long ago', 'p0'), 0);
  });

  test('of one prompt the last fifty calls', () => {
    const [last] = found(...Array.from({ length: 200 }, (_, index) => asking(`r${index}`, 0, 'p'))).slice(-1);
    assert.equal(last?.count, 51);
  });
});

describe('cache-not-paying', () => {
  function economics(hits: number, misses: number, hitMs = 1, missMs = 10) {
    const lookup = (result: string, durationMs: number) => ({
      name: 'cache.lookup',
      atMs: 0,
      attributes: { 'cache.name': 'words', 'cache.result': result, 'cache.duration_ms': durationMs },
    });
    const caches = createCacheEconomics();
    const events = [
      ...Array.from({ length: hits }, () => lookup('l1', hitMs)),
      ...Array.from({ length: misses }, () => lookup('miss', missMs)),
    ];
    caches.add(span({ id: 'a', from: 0, to: 1, events }));
    return caches;
  }

  test('what it saves', () => {
    const [report] = economics(60, 40).reports();
    assert.deepEqual(report, {
      cache: 'words',
      lookups: 100,
      hits: 60,
      misses: 40,
      coalesced: 0,
      hitRate: 0.6,
      netSavingMs: 540,
    });
  });

  for (const [what, caches, isFound] of [
    ['49 of 100', economics(49, 51), true],
    ['50 of 100', economics(50, 50), false],
    ['hits that cost as much as misses', economics(90, 10, 10, 10), true],
    ['none of 99', economics(0, 99), false],
  ] as const) {
    test(`${what}: ${isFound ? 'found' : 'not found'}`, () => {
      assert.equal(caches.findings().length, Number(isFound));
    });
  }
});

describe('the log of findings', () => {
  const finding = (
    fingerprint: string,
    traceId: string,
    savingMs: number,
    rule: RuleId = 'n-plus-one',
  ): Finding => ({
    rule,
    severity: 'warning',
    title: fingerprint,
    evidence: {},
    callSite: undefined,
    route: 'GET /things',
    step: undefined,
    about: [],
    count: 1,
    timeMs: savingMs,
    savingMs,
    traceId,
    spanIds: [],
    fingerprint,
  });

  test('one entry a problem: the worst occurrence, and how often', () => {
    const log = createFindingLog(() => 7);
    for (const [trace, saving] of [
      ['t1', 10],
      ['t2', 30],
      ['t3', 20],
      ['t3', 20],
    ] as const) {
      log.record(finding('a', trace, saving));
    }
    const [group] = log.all();
    assert.equal(group?.occurrences, 3);
    assert.equal(group?.worst.traceId, 't2');
    assert.deepEqual(group?.traceIds, ['t3', 't2', 't1']);
  });

  test('what is found again in a trace that more has come of is no occurrence, however old the trace', () => {
    const log = createFindingLog(() => 7);
    for (let index = 0; index < 12; index++) log.record(finding('a', `t${index}`, 10));
    log.record(finding('a', 't0', 20), true);
    assert.equal(log.all()[0]?.occurrences, 12);
    assert.equal(log.all()[0]?.worst.savingMs, 20);
  });

  test('the line of code of another occurrence, where the worst does not know its own', () => {
    const log = createFindingLog(() => 7);
    const worst = finding('a', 't1', 50);
    log.record(worst);
    log.record({ ...finding('a', 't2', 10), callSite: 'src/things.ts:3' });
    assert.deepEqual([log.all()[0]?.worst.traceId, log.all()[0]?.worst.callSite], ['t1', 'src/things.ts:3']);
    log.record(finding('a', 't3', 90));
    assert.deepEqual([log.all()[0]?.worst.traceId, log.all()[0]?.worst.callSite], ['t3', 'src/things.ts:3']);
    assert.equal(log.completed(worst).callSite, 'src/things.ts:3');
    assert.equal(log.completed(finding('b', 't1', 1)).callSite, undefined);
  });

  test('a muted one comes last, with its reason, until it is not muted any more', () => {
    const log = createFindingLog(() => 7);
    log.record(finding('a', 't1', 50));
    log.record(finding('b', 't1', 10));
    assert.equal(log.mute('a', 'known, being mended'), true);
    assert.equal(log.mute('unknown', 'x'), false);
    assert.deepEqual(
      log.all().map(({ fingerprint, mutedReason }) => [fingerprint, mutedReason]),
      [
        ['b', undefined],
        ['a', 'known, being mended'],
      ],
    );
    assert.equal(log.unmute('a'), true);
    assert.equal(log.all()[0]?.fingerprint, 'a');
  });

  test('forgets the one not seen for longest, and no muted one before others', () => {
    const log = createFindingLog(() => 7);
    log.record(finding('muted', 't', 1));
    log.mute('muted', 'known');
    for (let index = 0; index < 400; index++) log.record(finding(`f${index}`, 't', 1));
    const kept = log.all().map(({ fingerprint }) => fingerprint);
    assert.equal(kept.length, 200);
    assert.ok(kept.includes('muted') && kept.includes('f399') && !kept.includes('f0'));
  });

  test('the same problem has the same fingerprint in each trace', () => {
    const [one, two] = [0, 5_000].map((from) =>
      findOnly([
        request(from + 1_000, from),
        ...loop({ calls: 6, msEach: 5 }).map((s) => ({ ...s, start: s.start + from, end: s.end + from })),
      ]),
    );
    assert.equal(one?.fingerprint, two?.fingerprint);
  });
});
