import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  RowBuilder,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard as linkTo } from './links.ts';
import type { PlacedPanel } from './panels.ts';

export interface RowOptions {
  /** Undefined: the verdict at the top, which has no heading. */
  readonly title?: string;
  readonly panels: readonly PlacedPanel[];
  /** Folded until somebody asks: what is looked at seldom. */
  readonly folded?: boolean;
}

export interface DashboardOptions {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Builder<VariableModel>[];
  readonly rows: readonly RowOptions[];
}

const COLUMNS = 24;

/** Every dashboard of the service, in the order of a search: is it bad, where is it, is it the process, is it the work. */
const ALL = [
  ['Service', 'meari-service'],
  ['Bottleneck', 'meari-bottleneck'],
  ['Runtime', 'meari-runtime'],
  ['Workers', 'meari-workers'],
] as const;

/** Places the panels from left to right and the rows below each other. */
export function buildDashboard({ uid, title, description, variables, rows }: DashboardOptions): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['meari'])
    .timezone('browser')
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([...variables])
    .links(ALL.filter(([, other]) => other !== uid).map(([name, other]) => linkTo(name, other)));
  let id = 0;
  let y = 0;
  for (const { title: heading, panels, folded = false } of rows) {
    const row = heading === undefined ? undefined : new RowBuilder(heading).id(++id).collapsed(folded);
    row?.gridPos({ x: 0, y, w: COLUMNS, h: 1 });
    if (row !== undefined) y += 1;
    if (row !== undefined && !folded) builder.withRow(row);
    const top = y;
    let x = 0;
    let height = 0;
    for (const { width, height: h, panel } of panels) {
      if (x + width > COLUMNS) {
        x = 0;
        y += height;
        height = 0;
      }
      const placed = { build: () => ({ ...panel.build(), id: ++id, gridPos: { x, y, w: width, h } }) };
      if (row !== undefined && folded) row.withPanel(placed);
      else builder.withPanel(placed);
      x += width;
      height = Math.max(height, h);
    }
    // What is folded takes no room: Grafana moves the rest down when somebody unfolds it.
    if (folded) y = top;
    else y += height;
    if (row !== undefined && folded) builder.withRow(row);
  }
  return builder.build();
}
