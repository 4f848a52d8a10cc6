import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type DashboardJson, panelsOf, readDashboards } from '../support/grafana/dashboard-files.ts';
import { type Chosen, interpolate } from '../support/grafana/interpolate.ts';
import {
  keepBusy,
  letThingsHappen,
  type OperatedService,
  startOperatedService,
} from '../support/grafana/operated-service.ts';
import { SESSIONS } from '../support/paths.ts';
import { selectorsOf } from '../support/prometheus/promql.ts';

/**
 * Every panel is true: each query of each dashboard, as the JSON has it and as Grafana sends it, against a Prometheus
 * that reads an API process and two workers in which all that the panels tell of has happened.
 */

const ALL: Chosen = { instance: 'All', route: 'All', step: 'All' };
/** The whole of the scenario, and a moment of it. */
const LONG = '5m';
const SHORT = '4s';

interface Asked {
  readonly title: string;
  readonly query: string;
}

function queriesOf(dashboards: readonly DashboardJson[], chosen: Chosen, rateInterval: string): Asked[] {
  return dashboards.flatMap((dashboard) =>
    panelsOf(dashboard).flatMap(({ title, targets = [] }) =>
      targets.map(({ refId, expr }) => ({
        title: `${dashboard.uid}: ${title} (${refId})`,
        query: interpolate(expr, chosen, rateInterval),
      })),
    ),
  );
}

/** Queries that answer with something that is no number, and those that do not answer at all. */
async function ask({ prometheus }: OperatedService, asked: readonly Asked[]) {
  const answers = await Promise.all(
    asked.map(async ({ title, query }) => ({ title, query, samples: await prometheus.query(query) })),
  );
  const told = ({ title, query }: Asked) => `${title}: ${query}`;
  return {
    empty: answers.filter(({ samples }) => samples.length === 0).map(told),
    notNumbers: answers
      .filter(({ samples }) => samples.some(({ value }) => !Number.isFinite(value)))
      .map(told),
  };
}

describe('every panel is true', () => {
  let operated: OperatedService;
  let dashboards: DashboardJson[];
  let stream: { leave(): void };

  before(async () => {
    dashboards = await readDashboards();
    operated = await startOperatedService({ scrapeMs: 500 });
  });

  after(async () => {
    stream?.leave();
    await operated?.[Symbol.asyncDispose]();
  });

  test('before the first request: nothing, or a number', async () => {
    const { prometheus } = operated;
    await prometheus.scraped();
    await prometheus.until('count(process_memory_usage_bytes)', ([sample]) => sample?.value === 3);
    const { notNumbers } = await ask(operated, queriesOf(dashboards, ALL, LONG));
    assert.deepEqual(notNumbers, []);
  });

  test('after traffic with faults in it: each query answers, and with numbers', async () => {
    const { api, prometheus } = operated;
    const traffic = new AbortController();
    const busy = keepBusy(api, 2, traffic.signal);
    stream = await letThingsHappen(operated);
    traffic.abort();
    await busy;
    await prometheus.until('meari:slo_error_budget:ratio30d', ({ length }) => length === 3);
    await prometheus.scraped();
    const { empty, notNumbers } = await ask(operated, queriesOf(dashboards, ALL, LONG));
    assert.deepEqual(empty, []);
    assert.deepEqual(notNumbers, []);
  });

  test('of one process and one route, or of two', async () => {
    const [api = '', worker = ''] = [operated.api, ...operated.workers].map(
      ({ opsUrl }) => new URL(opsUrl).host,
    );
    const routes = [SESSIONS, `${SESSIONS}/:sessionId`];
    for (const chosen of [
      { instance: [api], route: [SESSIONS], step: ['persona'] },
      { instance: [api, worker], route: routes, step: ['persona', 'save'] },
    ]) {
      const { empty, notNumbers } = await ask(operated, queriesOf(dashboards, chosen, LONG));
      assert.deepEqual(notNumbers, []);
      // A filter that matched nothing at all would go unseen otherwise.
      assert.ok(empty.length < queriesOf(dashboards, chosen, LONG).length / 3, empty.join('\n'));
    }
  });

  test('each label that a query filters or sums by is one of its series', async () => {
    // A filter by a label that there is not matches all, as long as all is what is chosen.
    const labels = new Map<string, Set<string>>();
    for (const { title, query } of queriesOf(dashboards, ALL, LONG)) {
      const own = new Set([...query.matchAll(/label_replace\(.*?, "(\w+)", "/g)].map(([, made]) => made));
      for (const selector of selectorsOf(query)) {
        const [metric = ''] = selector.split('{');
        // Prometheus' own, of alerts: there are none here.
        if (metric === 'ALERTS') continue;
        const known =
          labels.get(metric) ?? new Set((await operated.prometheus.series(metric)).flatMap(Object.keys));
        labels.set(metric, known);
        for (const label of known) own.add(label);
        for (const [, label = ''] of selector.matchAll(/(\w+) *(?:=|!)~?=?"/g))
          assert.ok(known.has(label), `${title}: ${label} of ${selector}`);
      }
      for (const [, list = ''] of query.matchAll(/ by \(([^)]*)\)/g)) {
        for (const label of list.split(/, */)) assert.ok(own.has(label), `${title}: by ${label}`);
      }
    }
  });

  test('when it has become quiet: nothing, or a number', async () => {
    const { prometheus } = operated;
    const requests = `sum(rate(http_server_request_duration_seconds_count[${SHORT}]))`;
    await prometheus.until(requests, ([sample]) => sample?.value === 0);
    const { notNumbers } = await ask(operated, queriesOf(dashboards, ALL, SHORT));
    assert.deepEqual(notNumbers, []);
  });

  test('each variable has values to choose from', async () => {
    for (const { uid, templating } of dashboards) {
      for (const { name, type, query } of templating.list) {
        if (type !== 'query' || typeof query === 'string') continue;
        const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query.query) ?? [];
        const series = await operated.prometheus.series(interpolate(selector, ALL, LONG));
        const values = new Set(series.map((labels) => labels[label]));
        values.delete(undefined);
        assert.ok(values.size > 1, `${uid}: ${name} has ${[...values]}`);
      }
    }
  });
});
