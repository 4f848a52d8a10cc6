import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What tests look at in the JSON that Grafana is given. */
export interface PanelJson {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly collapsed?: boolean;
  readonly panels?: readonly PanelJson[];
  readonly repeat?: string;
  readonly targets?: readonly TargetJson[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly max?: number;
      readonly decimals?: number;
      readonly noValue?: string;
      readonly links?: readonly LinkJson[];
      readonly thresholds?: {
        readonly steps: readonly { readonly value: number | null; readonly color: string }[];
      };
      readonly custom?: {
        readonly stacking?: { readonly mode: string };
        readonly drawStyle?: string;
        readonly thresholdsStyle?: { readonly mode: string };
      };
    };
    readonly overrides: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly {
        readonly id: string;
        readonly value: { readonly fixedColor: string };
      }[];
    }[];
  };
}

export interface TargetJson {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly format?: string;
  readonly instant?: boolean;
  readonly datasource: { readonly uid: string };
}

export interface LinkJson {
  readonly title: string;
  readonly url: string;
}

export interface VariableJson {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly current?: {
    readonly text: string | readonly string[];
    readonly value: string | readonly string[];
  };
  readonly allValue?: string;
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly datasource?: { readonly uid: string };
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly PanelJson[];
  readonly links: readonly LinkJson[];
  readonly templating: { readonly list: readonly VariableJson[] };
}

export const DASHBOARDS = new URL('../../../grafana/dashboards/', import.meta.url).pathname;

export async function readDashboards(): Promise<DashboardJson[]> {
  const files = (await readdir(DASHBOARDS)).filter((file) => file.endsWith('.json')).toSorted();
  return Promise.all(files.map(async (file) => JSON.parse(await readFile(join(DASHBOARDS, file), 'utf8'))));
}

/** All that have queries, those of folded rows too. */
export function panelsOf({ panels }: DashboardJson): PanelJson[] {
  return panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]).filter(({ type }) => type !== 'row');
}
