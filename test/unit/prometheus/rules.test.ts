import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { panelsOf, readDashboards } from '../../support/grafana/dashboard-files.ts';
import { metricsOf } from '../../support/prometheus/promql.ts';
import {
  type AlertRule,
  PROMETHEUS,
  readAlerts,
  readAlertTests,
  readRecordings,
  ruleTestFiles,
} from '../../support/prometheus/rule-files.ts';
import { promtoolPath } from '../../support/tools.ts';

const RUNBOOK = new URL('../../../docs/runbook.md', import.meta.url).pathname;
/** What each section tells, in this order. */
const PARTS = ['Means', 'Users notice', 'Check', 'Mend', 'Escalate'];
const dashboards = await readDashboards();

/** Rejects with promtool's own words when it finds a fault. */
async function promtool(...args: string[]): Promise<void> {
  await promisify(execFile)(promtoolPath(), args).catch(({ stdout, stderr }) => {
    assert.fail(`promtool ${args.join(' ')}\n${stdout}${stderr}`);
  });
}

describe('promtool', { concurrency: 2 }, () => {
  test('finds no fault in the configuration', () =>
    promtool('check', 'config', join(PROMETHEUS, 'prometheus.yml')));
  test('finds no fault in the rules', () =>
    promtool(
      'check',
      'rules',
      join(PROMETHEUS, 'rules/recording.yml'),
      join(PROMETHEUS, 'rules/alerts.yml'),
    ));
  for (const path of ruleTestFiles()) {
    test(`tests the rules: ${basename(path)}`, () => promtool('test', 'rules', path));
  }
});

/** The sections of the runbook by their anchors. */
function readRunbook(): Map<string, string> {
  const [, ...sections] = readFileSync(RUNBOOK, 'utf8').split(/^### /m);
  return new Map(
    sections.map((section) => {
      const [title = '', ...lines] = section.split('\n');
      return [title.toLowerCase(), lines.join('\n')];
    }),
  );
}

describe('each alert', () => {
  const alerts = readAlerts();
  const tests = readAlertTests();
  const runbook = readRunbook();
  const name = ({ alert, labels }: AlertRule) => `${alert} ${JSON.stringify(labels)}`;

  test('is there', () => assert.ok(alerts.length >= 30, `${alerts.length} alerts`));

  for (const rule of alerts) {
    const { alert, labels, annotations } = rule;

    test(`${name(rule)}: says whom it wakes, what is wrong and where to look`, () => {
      assert.match(alert, /^Meari[A-Z]/);
      assert.match(labels.severity ?? '', /^(page|ticket)$/);
      assert.match(annotations.summary ?? '', /^[A-Z][^.{]+$/);
      assert.match(annotations.description ?? '', /^.+\.$/s);
      assert.ok(
        dashboards.some(({ uid }) => uid === annotations.dashboard),
        `${annotations.dashboard}`,
      );
    });

    test(`${name(rule)}: has its section in the runbook`, () => {
      const anchor = alert.toLowerCase();
      assert.equal(annotations.runbook_url, `docs/runbook.md#${anchor}`);
      const section = runbook.get(anchor);
      assert.ok(section, `no section ${alert}`);
      const parts = [...section.matchAll(/^- \*\*(.+?)\*\*: ./gm)].map(([, part]) => part);
      assert.deepEqual(parts, PARTS);
    });

    test(`${name(rule)}: is tested to fire, and not to`, () => {
      const own = tests.filter(({ alertname }) => alertname === alert);
      const fires = ({ exp_labels }: { exp_labels: Readonly<Record<string, string>> }) =>
        Object.entries(labels).every(([label, value]) => exp_labels[label] === value);
      assert.ok(
        own.some(({ exp_alerts }) => exp_alerts.some(fires)),
        'no test in which it fires',
      );
      assert.ok(
        own.some(({ exp_alerts }) => exp_alerts.length === 0),
        'no test in which it does not',
      );
    });
  }
});

test('the runbook has no section without an alert, and no link into nowhere', () => {
  const known = new Set(readAlerts().map(({ alert }) => alert.toLowerCase()));
  const runbook = readRunbook();
  assert.deepEqual(
    [...runbook.keys()].filter((anchor) => !known.has(anchor)),
    [],
  );
  const links = [...readFileSync(RUNBOOK, 'utf8').matchAll(/\]\(#([^)]+)\)/g)].map(
    ([, anchor]) => anchor ?? '',
  );
  assert.deepEqual(
    links.filter((anchor) => !known.has(anchor)),
    [],
  );
});

test('the runbook names dashboards and panels that there are', () => {
  const panels = new Map(
    dashboards.map((dashboard) => [
      dashboard.title.replace('Meari / ', ''),
      panelsOf(dashboard).map(({ title }) => title),
    ]),
  );
  const named: string[] = [];
  const unknown: string[] = [];
  for (const [anchor, section] of readRunbook()) {
    // `*Dashboard*, "Panel", "Panel"; *Dashboard* …`, with code beside it that has quotation marks of its own.
    const [check = ''] = /^- \*\*Check\*\*: .*?(?=^- \*\*)/ms.exec(section) ?? [];
    let dashboard = '';
    for (const [, title, panel] of check
      .replaceAll(/`[^`]*`|\*\*/g, '')
      .replaceAll(/\s+/g, ' ')
      .matchAll(/\*([A-Z][^*]+)\*|"([^"]+)"/g)) {
      if (title !== undefined) dashboard = title;
      if (panel === undefined) continue;
      named.push(panel);
      if (!panels.get(dashboard)?.includes(panel)) unknown.push(`${anchor}: ${dashboard}, "${panel}"`);
    }
  }
  assert.deepEqual(unknown, []);
  assert.ok(named.length > 40, `${named.length}`);
});

test('every recorded series is asked for by name, and each that is asked for is recorded', () => {
  const recorded = new Set(readRecordings().map(({ record }) => record));
  for (const name of recorded)
    assert.match(name, /^[a-z_]+:[a-z0-9_]+:[a-z0-9_]+$/, 'level:metric:operations');
  const asked = [...readAlerts(), ...readRecordings()]
    .flatMap(({ expr }) => metricsOf(expr))
    .filter((metric) => metric.includes(':'));
  assert.deepEqual(
    asked.filter((metric) => !recorded.has(metric)),
    [],
  );
});
