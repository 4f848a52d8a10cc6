import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge, type Measured, measure } from '../../scripts/profile-check/judge.ts';
import type { Finding, TraceDetail } from '../../src/profiling/model.ts';

function finding(rule: Finding['rule'], severity: Finding['severity'], fingerprint: string = rule): Finding {
  return {
    rule,
    severity,
    title: 'title',
    evidence: {},
    callSite: 'src/things.ts:12',
    route: 'GET /things',
    step: undefined,
    about: [],
    count: 5,
    timeMs: 20,
    savingMs: 10,
    traceId: 'trace',
    spanIds: [],
    fingerprint,
  };
}

const baseline = {
  scenarios: { list: { statements: 3, criticalSteps: 2 } },
  accepted: { known: 'it stays' },
};
const list = (more: Partial<Measured>): Record<string, Measured> => ({
  list: { statements: 3, criticalSteps: 2, findings: [], ...more },
});

describe('profile:check', () => {
  for (const [what, measured, expected] of [
    ['the same', list({}), []],
    ['fewer of both', list({ statements: 1, criticalSteps: 1 }), []],
    ['a statement more', list({ statements: 4 }), [/^list: 4 statements, 3 in the baseline$/]],
    ['a step more', list({ criticalSteps: 3 }), [/^list: 3 steps on the critical path, 2 in the baseline$/]],
    [
      'a query for each row',
      list({ findings: [finding('n-plus-one', 'warning')] }),
      [/n-plus-one.*src\/things\.ts:12/],
    ],
    [
      'steps in sequence',
      list({ findings: [finding('sequential-steps', 'critical')] }),
      [/sequential-steps/],
    ],
    ['a warning of another rule', list({ findings: [finding('slow-statement', 'warning')] }), []],
    ['one that is known', list({ findings: [finding('n-plus-one', 'critical', 'known')] }), []],
    [
      'a scenario that is new',
      { other: { statements: 0, criticalSteps: 0, findings: [] } },
      [/^other: is not in/],
    ],
  ] as const) {
    test(`${what}: ${expected.length === 0 ? 'passes' : 'fails'}`, () => {
      const worse = judge(measured, baseline);
      assert.equal(worse.length, expected.length, worse.join('\n'));
      for (const [index, pattern] of expected.entries()) assert.match(worse[index] ?? '', pattern);
    });
  }

  test('takes the fewest statements, the longest path and the findings that all runs show', () => {
    const run = (statements: number, steps: string[], findings: Finding[]) =>
      ({
        statements,
        units: [{ criticalPath: steps.map((step) => ({ step })) }],
        findingDetails: findings,
      }) as unknown as TraceDetail;
    const both = finding('n-plus-one', 'warning');
    const once = finding('event-loop-blocked', 'critical');
    const measured = measure([run(3, ['a', 'b', 'a'], [both, once]), run(5, ['a'], [both])]);
    assert.deepEqual(measured, { statements: 3, criticalSteps: 2, findings: [both] });
  });
});
