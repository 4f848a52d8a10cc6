import type { DashboardJson, PanelJson, VariableJson } from '../../test/support/grafana/dashboard-files.ts';
import { chart, escapeHtml, heatmapChart, type Series, sparkline } from './charts.ts';
import { format } from './format.ts';

/** What Prometheus answered to one query of a panel. */
export interface Answer {
  readonly legend: string;
  readonly series: readonly {
    readonly labels: Readonly<Record<string, string>>;
    /** At each moment of the range. */
    readonly values: readonly (number | undefined)[];
  }[];
}

export interface PageOptions {
  readonly dashboard: DashboardJson;
  /** By id of the panel. */
  readonly answers: ReadonlyMap<number, readonly Answer[]>;
  readonly times: readonly [string, string, string];
}

export const PAGE_WIDTH = 1280;
/** Pixels: Grafana's grid has rows of 30 with 8 between them. */
const CELL = 30;
const GAP = 8;
const COLUMN = (PAGE_WIDTH - GAP) / 24;

/** Of Grafana's dark theme. */
const COLOURS: Readonly<Record<string, string>> = {
  green: '#73bf69',
  'light-green': '#96d98d',
  yellow: '#fade2a',
  orange: '#ff9830',
  'light-orange': '#ffcb7d',
  red: '#f2495c',
  'dark-red': '#c4162a',
  blue: '#5794f2',
  'light-blue': '#8ab8ff',
  purple: '#b877d9',
};
const SOLID: Readonly<Record<string, string>> = { green: '#2f7d31', orange: '#b5651d', red: '#b8283c' };
const OTHERS = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff780a',
  '#f2495c',
  '#5794f2',
  '#b877d9',
  '#705da0',
  '#37872d',
  '#fade2a',
  '#447ebc',
  '#c15c17',
];

const STYLE = `
  * { box-sizing: border-box; margin: 0; }
  body { background: #111217; color: #ccccdc; font: 12px Inter, 'DejaVu Sans', Arial, sans-serif; width: ${PAGE_WIDTH}px; }
  header { display: flex; align-items: center; gap: 10px; padding: 12px ${GAP}px 10px; }
  h1 { font-size: 17px; font-weight: 600; color: #fff; margin-right: 8px; }
  .chip { border: 1px solid #34373f; border-radius: 3px; padding: 3px 8px; background: #181b1f; }
  .chip b { color: #fff; font-weight: 600; }
  .links { margin-left: auto; color: #6e9fff; }
  main { position: relative; }
  section, .row { position: absolute; overflow: hidden; }
  section { background: #181b1f; border: 1px solid #26292f; border-radius: 3px; }
  h2 { font-size: 12.5px; font-weight: 600; color: #e6e6f0; padding: 7px 9px 4px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  h2 i { color: #6e9fff; font-style: normal; font-weight: 400; font-size: 11px; }
  .row { color: #fff; font-weight: 600; font-size: 14px; padding-top: 7px; }
  .row span { color: #8e8e9c; font-weight: 400; font-size: 12px; }
  svg { display: block; } svg text { fill: #8e8e9c; font-size: 10.5px; }
  .legend { padding: 2px 9px; display: flex; flex-wrap: wrap; gap: 2px 12px; height: 34px; overflow: hidden; font-size: 11px; }
  .legend u, td u { display: inline-block; width: 12px; height: 4px; border-radius: 2px; margin-right: 5px; vertical-align: middle; }
  .side { display: flex; } table { border-collapse: collapse; font-size: 10.5px; width: 100%; }
  td { padding: 1.5px 5px; white-space: nowrap; } td + td { text-align: right; color: #aeb0ba; }
  td:first-child { max-width: 0; width: 100%; overflow: hidden; text-overflow: ellipsis; }
  .stat { color: #fff; } .stat svg { position: absolute; bottom: 0; left: 0; }
  .value { font-size: 29px; font-weight: 600; padding: 6px 10px 0; white-space: nowrap; }
  .name { font-size: 13px; padding: 0 10px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
  .none { color: #8e8e9c; text-align: center; padding-top: 30px; }
  footer { padding: 8px; color: #8e8e9c; border-top: 1px solid #26292f; }
`;

/** A picture of a dashboard as a page: its places, names and units, with the data drawn simply. */
export function pageOf({ dashboard, answers, times }: PageOptions): string {
  const { title, uid, templating, links, panels } = dashboard;
  const chips = templating.list.map(
    (variable) => `<span class="chip">${variable.name} <b>${escapeHtml(chosenIn(variable))}</b></span>`,
  );
  const bottom = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return `<!doctype html><meta charset="utf-8"><style>${STYLE}</style>
    <header><h1>${escapeHtml(title)}</h1>${chips.join('')}<span class="links">${links.map((link) => link.title).join(' · ')}</span></header>
    <main style="height:${bottom * (CELL + GAP) + GAP}px">${panels.map((panel) => boxOf(panel, answers.get(panel.id) ?? [], times)).join('')}</main>
    <footer>Layout rendered from grafana/dashboards/${uid}.json with the data of a test scenario (npm run dashboards -- --pictures). This is not Grafana.</footer>`;
}

function chosenIn({ query, current }: VariableJson): string {
  return typeof query === 'string' ? query : [current?.text].flat().join(', ');
}

function boxOf(panel: PanelJson, answers: readonly Answer[], times: PageOptions['times']): string {
  const { x, y, w, h } = panel.gridPos;
  const [width, height] = [w * COLUMN - GAP, h * (CELL + GAP) - GAP];
  const place = `left:${GAP + x * COLUMN}px;top:${y * (CELL + GAP)}px;width:${width}px;height:${height}px`;
  if (panel.type === 'row') {
    const folded = panel.collapsed ? ` <span>(${panel.panels?.length} panel, one for each step)</span>` : '';
    return `<div class="row" style="${place}">${panel.collapsed ? '›' : '⌄'} ${escapeHtml(panel.title)}${folded}</div>`;
  }
  const isLinked = (panel.fieldConfig?.defaults.links?.length ?? 0) > 0;
  const heading = `<h2>${escapeHtml(panel.title)}${isLinked ? ' <i>↗</i>' : ''}</h2>`;
  if (panel.type === 'stat') return statBox(panel, answers, place, heading, width);
  const inner = { width: width - 2, height: height - 30, times };
  const body =
    panel.type === 'heatmap'
      ? heatmapChart(bucketRows(answers), { ...inner, height: inner.height - 2 })
      : graphBody(panel, answers, inner);
  return `<section style="${place}">${heading}${body}</section>`;
}

function statBox(
  panel: PanelJson,
  answers: readonly Answer[],
  place: string,
  heading: string,
  width: number,
): string {
  const { defaults } = panel.fieldConfig ?? {};
  const options = panel.options as { textMode?: string; colorMode?: string };
  const [series] = seriesOf(panel, answers);
  const last = series && lastOf(series.values);
  const steps = defaults?.thresholds?.steps ?? [];
  const step = steps.findLast(({ value }) => last !== undefined && (value === null || last >= value));
  const background = options.colorMode === 'background_solid' && step ? SOLID[step.color] : '#22252b';
  const shown =
    last === undefined ? (defaults?.noValue ?? '') : format(last, defaults?.unit, defaults?.decimals);
  const name =
    options.textMode === 'value_and_name' ? `<div class="name">${escapeHtml(series?.name ?? '')}</div>` : '';
  return `<section class="stat" style="${place};background:${background}">${heading}${name}<div class="value">${shown}</div>${series ? sparkline(series.values, width - 2, 38) : ''}</section>`;
}

function graphBody(
  panel: PanelJson,
  answers: readonly Answer[],
  { width, height, times }: { width: number; height: number; times: PageOptions['times'] },
): string {
  const { defaults } = panel.fieldConfig ?? {};
  const series = seriesOf(panel, answers);
  const options = panel.options as { legend?: { displayMode?: string } };
  const isTable = options.legend?.displayMode === 'table';
  const tableWidth = isTable ? Math.min(340, width * 0.5) : 0;
  const custom = defaults?.custom;
  const stacking = custom?.stacking?.mode ?? 'none';
  const drawn = chart(series, {
    width: width - tableWidth,
    height: isTable ? height - 4 : height - 36,
    unit: defaults?.unit,
    draw:
      custom?.drawStyle === 'bars'
        ? 'bars'
        : stacking === 'percent'
          ? 'shares'
          : stacking === 'normal'
            ? 'stacked'
            : 'lines',
    max: defaults?.max,
    limits: custom?.thresholdsStyle
      ? (defaults?.thresholds?.steps ?? []).flatMap(({ value, color }) =>
          value === null ? [] : [{ value, colour: COLOURS[color] ?? color }],
        )
      : [],
    times,
  });
  const mark = ({ colour }: Series) => `<u style="background:${colour}"></u>`;
  if (!isTable) {
    return `${drawn}<div class="legend">${series.map((one) => `<span>${mark(one)}${escapeHtml(one.name)}</span>`).join('')}</div>`;
  }
  const most = ({ values }: Series) => Math.max(...values.filter((value) => value !== undefined));
  const rows = series
    .toSorted((a, b) => most(b) - most(a))
    .slice(0, Math.floor(height / 17))
    .map(
      (one) =>
        `<tr><td>${mark(one)}${escapeHtml(one.name)}</td><td>${format(lastOf(one.values) ?? 0, defaults?.unit)}</td><td>${format(most(one), defaults?.unit)}</td></tr>`,
    );
  return `<div class="side">${drawn}<div style="width:${tableWidth}px"><table>${rows.join('')}</table></div></div>`;
}

function seriesOf(panel: PanelJson, answers: readonly Answer[]): Series[] {
  const fixed = new Map(
    panel.fieldConfig?.overrides.map(({ matcher, properties }) => [
      matcher.options,
      properties[0]?.value.fixedColor ?? '',
    ]),
  );
  let next = 0;
  return answers.flatMap(({ legend, series }) =>
    series.map(({ labels, values }) => {
      const name =
        legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '').trim() || 'value';
      const colour = COLOURS[fixed.get(name) ?? ''] ?? OTHERS[next++ % OTHERS.length] ?? '';
      return { name, colour, values };
    }),
  );
}

/** Prometheus counts each bucket with all below it; a heatmap shows them apart. */
function bucketRows(answers: readonly Answer[]) {
  const series = (answers[0]?.series ?? [])
    .map(({ labels, values }) => ({ bound: Number(labels.le?.replace('+Inf', 'Infinity')), values }))
    .toSorted((a, b) => a.bound - b.bound);
  const rows = series.map(({ bound, values }, row) => ({
    name: bound === Number.POSITIVE_INFINITY ? '+Inf' : format(bound, 's'),
    values: values.map((value, column) => Math.max(0, (value ?? 0) - (series[row - 1]?.values[column] ?? 0))),
  }));
  const last = rows.findLastIndex(({ values }) => values.some((value) => value > 0));
  return rows.slice(0, last + 2);
}

function lastOf(values: readonly (number | undefined)[]): number | undefined {
  return values.findLast((value) => value !== undefined);
}
