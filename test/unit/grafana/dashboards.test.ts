import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { buildDashboards, textOf } from '../../../grafana/src/dashboards.ts';
import {
  DASHBOARDS,
  type PanelJson,
  panelsOf,
  readDashboards,
} from '../../support/grafana/dashboard-files.ts';
import { interpolate } from '../../support/grafana/interpolate.ts';
import { measure, unitsFor } from '../../support/grafana/measure.ts';

const PROVISIONING = new URL('../../../grafana/provisioning/', import.meta.url);
const COLUMNS = 24;

interface DataSources {
  readonly datasources: readonly {
    readonly uid: string;
    readonly type: string;
    readonly jsonData: {
      readonly tracesToMetrics?: {
        readonly datasourceUid: string;
        readonly queries: readonly { readonly name: string; readonly query: string }[];
      };
    };
  }[];
}

async function dataSources(): Promise<DataSources['datasources']> {
  const text = await readFile(new URL('datasources/meari.yml', PROVISIONING), 'utf8');
  return (parse(text) as DataSources).datasources;
}

const dashboards = await readDashboards();
const dashboardUids = dashboards.map(({ uid }) => uid);
const sourceUids = (await dataSources()).map(({ uid }) => uid);

test('the JSON is what the code builds: `npm run dashboards` writes it', async () => {
  const built = buildDashboards();
  assert.deepEqual(
    dashboards.map(({ uid }) => `${uid}.json`),
    [...built.keys()].toSorted(),
  );
  for (const [file, dashboard] of built) {
    assert.equal(await readFile(DASHBOARDS + file, 'utf8'), textOf(dashboard), file);
  }
});

test('the dashboards are those that alerts name', async () => {
  assert.deepEqual(dashboardUids.toSorted(), [
    'meari-bottleneck',
    'meari-runtime',
    'meari-service',
    'meari-workers',
  ]);
  const alerts = await readFile(new URL('../../../prometheus/rules/alerts.yml', import.meta.url), 'utf8');
  const named = [...alerts.matchAll(/dashboard: (\S+)/g)].map(([, uid]) => uid ?? '');
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((uid) => !dashboardUids.includes(uid)),
    [],
  );
});

for (const dashboard of dashboards) {
  const panels = panelsOf(dashboard);
  describe(dashboard.uid, () => {
    test('each panel has an id of its own', () => {
      const ids = dashboard.panels.flatMap(({ id, panels = [] }) => [id, ...panels.map((panel) => panel.id)]);
      assert.equal(new Set(ids).size, ids.length);
    });

    test('each panel has a place of its own, and few stand side by side', () => {
      // What is folded lies over what comes after it until it is unfolded.
      const places = [dashboard.panels, ...dashboard.panels.map(({ panels = [] }) => panels)];
      for (const [index, panel, level] of places.flatMap((level) =>
        level.map((panel, index) => [index, panel, level] as const),
      )) {
        const { x, w, h } = panel.gridPos;
        assert.ok(x >= 0 && w >= 4 && h >= 1 && x + w <= COLUMNS, panel.title);
        const crossed = level.slice(index + 1).filter((other) => overlap(panel, other));
        assert.deepEqual(
          crossed.map(({ title }) => title),
          [],
          panel.title,
        );
      }
      const abreast = panels.map(
        (panel) => panels.filter(({ gridPos }) => gridPos.y === panel.gridPos.y).length,
      );
      assert.ok(Math.max(...abreast) <= 6);
    });

    test('the verdict comes first: numbers, before any graph', () => {
      const first = dashboard.panels.filter(({ gridPos }) => gridPos.y === 0);
      assert.ok(first.length > 0 && first.every(({ type }) => type === 'stat'));
    });

    for (const panel of panels) {
      test(`${panel.title}: a title, a unit, and what to do when it looks bad`, () => {
        const { title, description = '', targets = [], fieldConfig, datasource } = panel;
        assert.match(title, /^\S.{2,60}$/);
        // More than the title says again.
        assert.ok(description.length >= 100 && description.length <= 420, `${description.length} characters`);
        assert.match(description, /[.] /);
        assert.equal(datasource?.uid, 'prometheus');
        assert.ok(targets.length > 0);
        assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length);
        for (const target of targets) assert.ok(sourceUids.includes(target.datasource.uid));
        const { unit } = fieldConfig?.defaults ?? {};
        for (const { expr, format } of targets) {
          const measured = measure(interpolate(expr, { instance: 'All', route: 'All', step: 'All' }, '1m'));
          const shown = format === 'heatmap' ? measured.observed : measured;
          assert.ok(shown && unitsFor(shown).includes(unit ?? ''), `${unit} for ${expr}`);
        }
      });
    }

    test('each link leads somewhere', () => {
      const links = [
        ...dashboard.links,
        ...panels.flatMap(({ fieldConfig }) => fieldConfig?.defaults.links ?? []),
      ];
      assert.ok(links.length > 0);
      for (const { url, title } of links)
        checkLink(
          url,
          title,
          dashboard.templating.list.map(({ name }) => name),
        );
    });

    test('each link takes what the queries of its panel keep', () => {
      for (const { title, targets = [], fieldConfig } of panels) {
        const links = fieldConfig?.defaults.links ?? [];
        const labels = links.flatMap(({ url }) =>
          [...url.matchAll(/\$\{__field\.labels\.(\w+)/g)].map(([, label]) => label ?? ''),
        );
        for (const label of labels) {
          for (const { expr } of targets)
            assert.match(expr, new RegExp(`by \\([^)]*\\b${label}\\b`), `${title}: ${label}`);
        }
      }
    });

    test('variables: from a known source, several or all', () => {
      for (const variable of dashboard.templating.list) {
        if (variable.type !== 'query') continue;
        assert.ok(sourceUids.includes(variable.datasource?.uid ?? ''), variable.name);
        assert.deepEqual([variable.multi, variable.includeAll, variable.allValue], [true, true, '.*']);
      }
    });
  });
}

function overlap({ gridPos: a }: PanelJson, { gridPos: b }: PanelJson): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

function checkLink(url: string, title: string, variables: readonly string[]): void {
  const used = [...url.matchAll(/\$\{([a-z]\w*)/g)].map(([, name]) => name ?? '');
  assert.deepEqual(
    used.filter((name) => !variables.includes(name)),
    [],
    title,
  );
  const [, uid] = /^\/d\/([\w-]+)\?/.exec(url) ?? [];
  if (uid !== undefined) {
    assert.ok(dashboardUids.includes(uid), `${title}: ${uid}`);
    return;
  }
  const [, panes] = /^\/explore\?schemaVersion=1&panes=(.+)$/.exec(url) ?? [];
  if (panes === undefined) {
    // Of the views that the profiler's page has.
    assert.match(url, /^\$\{profiler\}#\/(findings|routes|cpu|live)(\/[^/?#]+)?$/, title);
    return;
  }
  // As a browser reads it once Grafana has filled in what it knows.
  const filled = panes.replaceAll(/\$\{[^}]+\}/g, '1');
  const { traces } = JSON.parse(decodeURIComponent(filled));
  assert.ok(sourceUids.includes(traces.datasource), title);
  const [query] = traces.queries;
  assert.deepEqual([query.queryType, query.datasource.uid], ['search', 'jaeger'], title);
  assert.ok(query.service && query.operation, title);
  assert.deepEqual(traces.range, { from: '1', to: '1' }, title);
}

describe('provisioning', () => {
  test('data sources: the uids that panels name', async () => {
    const sources = await dataSources();
    assert.deepEqual(
      sources.map(({ uid, type }) => [uid, type]),
      [
        ['prometheus', 'prometheus'],
        ['jaeger', 'jaeger'],
      ],
    );
  });

  test('from a trace to metrics: of a known source, with queries that can be read', async () => {
    const toMetrics = (await dataSources()).flatMap(({ jsonData }) => jsonData.tracesToMetrics ?? []);
    assert.equal(toMetrics.length, 1);
    for (const { datasourceUid, queries } of toMetrics) {
      assert.ok(sourceUids.includes(datasourceUid));
      for (const { name, query } of queries) {
        // A provisioning file writes a dollar twice, lest it name a variable of the environment.
        const asked = query.replaceAll('$$__tags', 'http_route="/x"').replaceAll('$$__rate_interval', '1m');
        assert.doesNotThrow(() => measure(asked), name);
      }
    }
  });

  test('dashboards are read from a folder', async () => {
    const { providers } = parse(await readFile(new URL('dashboards/meari.yml', PROVISIONING), 'utf8'));
    assert.equal(providers[0].options.path, '/var/lib/grafana/dashboards');
  });
});
