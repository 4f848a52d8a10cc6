import type { Query } from './queries.ts';

export interface Objective {
  readonly name: string;
  /** Label `slo` of the series in `prometheus/rules/recording.yml`, where its numbers are. */
  readonly slo: string;
  readonly description: string;
}

export const OBJECTIVES: readonly Objective[] = [
  {
    name: 'Availability',
    slo: 'availability',
    description: 'Objective: 99.5 % of requests are not answered by 5xx.',
  },
  {
    name: 'Session',
    slo: 'session_latency',
    description: 'Objective: 95 % of finished sessions are there within 10 s.',
  },
  {
    name: 'Answer',
    slo: 'api_latency',
    description: 'Objective: 99 % of other answers are there within 300 ms.',
  },
];

/** 1 is all of it; below 0 the objective is missed. */
export function budgetLeft(slo: string): string {
  return `meari:slo_error_budget:ratio30d{slo="${slo}"}`;
}

/** The windows that the alerts look at. Rounded: differences of sums are not exactly 0 where nothing failed. */
export function burnRates(slo: string): Query[] {
  return ['5m', '1h', '6h', '3d'].map((window) => ({
    expr: `round(meari:slo_burn_rate:ratio${window}{slo="${slo}"}, 0.001)`,
    legend: window,
  }));
}
