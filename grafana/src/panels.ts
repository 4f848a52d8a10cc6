import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  HeatmapCellLayout,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type DashboardLink,
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  PanelBuilder as HeatmapBuilder,
  HeatmapColorOptionsBuilder,
  RowsHeatmapOptionsBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { coloursOf, type Palette } from './colours.ts';
import type { Query } from './queries.ts';

/** Of Grafana: seconds, bytes, a part of 1, events a second, requests a second, a count, US dollars. */
export type Unit = 's' | 'bytes' | 'percentunit' | 'ops' | 'reqps' | 'short' | 'currencyUSD';

/** A panel with everything but its place. */
export interface PlacedPanel {
  /** Of 24 columns, and of rows of 30 pixels. */
  readonly width: number;
  readonly height: number;
  readonly panel: Builder<Panel>;
}

interface PanelOptions {
  readonly title: string;
  readonly unit: Unit;
  /** What it shows, and what to do when it looks bad. */
  readonly description: string;
  readonly links?: readonly Builder<DashboardLink>[];
  readonly width?: number;
}

/** From where on a value is bad; `warn` first. A limit below `warn` means that low values are the bad ones. */
export interface Limits {
  readonly warn: number;
  readonly bad: number;
}

export interface StatOptions extends PanelOptions {
  readonly expr: string;
  readonly legend?: string;
  /** Undefined: a value that is neither good nor bad. */
  readonly limits?: Limits;
  /** In its place when there is no value. */
  readonly empty?: string;
  /** Shows the name of the series as well: of one moment, since another may be the first one in the next. */
  readonly named?: boolean;
  readonly decimals?: number;
}

export interface GraphOptions extends PanelOptions {
  readonly queries: readonly Query[];
  readonly palette?: Palette;
  readonly limits?: Limits;
  readonly draw?: 'lines' | 'stacked' | 'shares' | 'bars';
  /** With the largest values beside the names; for panels with a series a route. */
  readonly table?: boolean;
  /** The axis ends at 1. */
  readonly whole?: boolean;
}

export interface HeatmapOptions extends PanelOptions {
  readonly queries: readonly Query[];
  /** One of them for each value of this variable. */
  readonly repeat?: string;
}

const PROMETHEUS = { type: 'prometheus', uid: 'prometheus' };

const STAT_WIDTH = 4;
const STAT_HEIGHT = 4;
const GRAPH_WIDTH = 12;
const GRAPH_HEIGHT = 8;

/** One number of the verdict: green, orange or red. */
export function stat(options: StatOptions): PlacedPanel {
  const {
    expr,
    legend = '',
    limits,
    width = STAT_WIDTH,
    empty = 'no traffic',
    named = false,
    decimals,
  } = options;
  const panel = common(new StatBuilder(), options)
    .withTarget(target({ expr, legend, instant: named }, 0))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .colorMode(limits === undefined ? BigValueColorMode.None : BigValueColorMode.BackgroundSolid)
    .graphMode(BigValueGraphMode.Area)
    .noValue(empty)
    .thresholds(thresholds(limits));
  if (named) panel.textMode(BigValueTextMode.ValueAndName).graphMode(BigValueGraphMode.None);
  if (decimals !== undefined) panel.decimals(decimals);
  return { width, height: STAT_HEIGHT, panel };
}

/** Values over time. */
export function graph(options: GraphOptions): PlacedPanel {
  const { queries, palette, limits, draw = 'lines', table = false, whole = false, width } = options;
  const panel = common(new TimeseriesBuilder(), options)
    .targets(queries.map(target))
    .min(0)
    .lineWidth(draw === 'lines' ? 2 : 1)
    .showPoints(VisibilityMode.Never)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .legend(legend(table))
    .thresholds(thresholds(limits));
  if (limits !== undefined) {
    panel.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  }
  if (whole) panel.max(1);
  if (draw === 'bars') panel.drawStyle(GraphDrawStyle.Bars).fillOpacity(70);
  if (draw === 'stacked' || draw === 'shares') panel.fillOpacity(40);
  if (draw !== 'lines') {
    const mode = draw === 'shares' ? StackingMode.Percent : StackingMode.Normal;
    panel.stacking(new StackingConfigBuilder().mode(mode));
  }
  for (const [name, fixedColor] of palette === undefined ? [] : coloursOf(palette)) {
    panel.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor } }]);
  }
  return { width: width ?? GRAPH_WIDTH, height: GRAPH_HEIGHT, panel };
}

/** How the values of a histogram are spread over time. */
export function heatmap(options: HeatmapOptions): PlacedPanel {
  const { queries, repeat, unit, width = GRAPH_WIDTH } = options;
  const panel = common(new HeatmapBuilder(), options)
    .targets(queries.map(target))
    .calculate(false)
    .rowsFrame(new RowsHeatmapOptionsBuilder().layout(HeatmapCellLayout.Auto))
    .yAxis(new YAxisConfigBuilder().unit(unit))
    .color(new HeatmapColorOptionsBuilder().scheme('Oranges').steps(64).exponent(0.5))
    .cellGap(1);
  if (repeat !== undefined)
    panel
      .repeat(repeat)
      .repeatDirection('h')
      .maxPerRow(24 / width);
  return { width, height: GRAPH_HEIGHT, panel };
}

interface Described {
  title(title: string): this;
  description(description: string): this;
  unit(unit: string): this;
  datasource(datasource: typeof PROMETHEUS): this;
  dataLinks(links: Builder<DashboardLink>[]): this;
}

function common<Of extends Described>(panel: Of, { title, description, unit, links }: PanelOptions): Of {
  panel.title(title).description(description).unit(unit).datasource(PROMETHEUS);
  return links === undefined ? panel : panel.dataLinks([...links]);
}

function target(
  { expr, legend, format, instant = false }: Query & { instant?: boolean },
  index: number,
): Builder<Dataquery> {
  const query = new DataqueryBuilder()
    .datasource(PROMETHEUS)
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .expr(expr)
    .legendFormat(legend);
  if (instant) query.instant();
  else query.range();
  return format === 'heatmap' ? query.format(PromQueryFormat.Heatmap) : query;
}

function thresholds(limits: Limits | undefined): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(stepsOf(limits));
}

/** The first one starts at minus infinity, which JSON has no number for. */
function stepsOf(limits: Limits | undefined): Threshold[] {
  if (limits === undefined) return [{ value: null, color: 'green' }];
  const { warn, bad } = limits;
  if (warn < bad) {
    return [
      { value: null, color: 'green' },
      { value: warn, color: 'orange' },
      { value: bad, color: 'red' },
    ];
  }
  return [
    { value: null, color: 'red' },
    { value: bad, color: 'orange' },
    { value: warn, color: 'green' },
  ];
}

function legend(table: boolean): VizLegendOptionsBuilder {
  const options = new VizLegendOptionsBuilder().showLegend(true);
  return table
    ? options
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Right)
        .calcs(['lastNotNull', 'max'])
        .sortBy('Max')
        .sortDesc(true)
    : options.displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom).calcs([]);
}
