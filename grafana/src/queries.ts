/** What a panel asks Prometheus for. The tests work out its unit from the names in it, and evaluate it. */
export interface Query {
  readonly expr: string;
  /** What the series is called: `{{label}}` is that label's value. */
  readonly legend: string;
  readonly format?: 'heatmap';
}

/** What the variables of a dashboard choose. */
export const INSTANCE = 'instance=~"$instance"';
export const ROUTE = `${INSTANCE}, http_route=~"$route"`;

/** Of a counter, or of the buckets, sum or count of a histogram: a second. Grafana chooses the window. */
export function rate(counter: string, filter: string): string {
  return `rate(${counter}{${filter}}[$__rate_interval])`;
}

/** The same as a number of events in each interval that is drawn. */
export function increase(counter: string, filter: string): string {
  return `increase(${counter}{${filter}}[$__rate_interval])`;
}

/** @param by labels that are kept, separated by commas; empty: none. */
export function sum(vector: string, by = ''): string {
  return by === '' ? `sum(${vector})` : `sum by (${by}) (${vector})`;
}

/**
 * A part of a whole of the same labels. Where there is no whole there is no ratio: Prometheus answers NaN, which no
 * comparison lets through.
 */
export function ratio(part: string, whole: string): string {
  return `${part} / ${whole} >= 0`;
}

/** From the buckets of a histogram; nothing where nothing was observed, as with `ratio`. */
export function quantile(quantile: number, histogram: string, filter: string, by = ''): string {
  const kept = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${quantile}, ${sum(rate(`${histogram}_bucket`, filter), kept)}) >= 0`;
}

/** The mean of what a histogram observed. */
export function mean(histogram: string, filter: string, by = ''): string {
  return ratio(sum(rate(`${histogram}_sum`, filter), by), sum(rate(`${histogram}_count`, filter), by));
}

/**
 * Zero where there is no series yet: many counters appear with the first thing that they count.
 *
 * @param label of the series, which is `none` then.
 */
export function orZero(vector: string, label?: string): string {
  const zero = label === undefined ? 'vector(0)' : `label_replace(vector(0), "${label}", "none", "", "")`;
  return `(${vector}) or on () ${zero}`;
}

/** With a value for a label that only some of the series have. */
export function named(vector: string, label: string, name: string): string {
  return `label_replace(${vector}, "${label}", "${name}", "${label}", "")`;
}

/** Medians and tails of one histogram, named as the palette of percentiles colours them. */
export function percentiles(
  histogram: string,
  filter: string,
  of: readonly number[] = [0.5, 0.95, 0.99],
): Query[] {
  return of.map((part) => ({ expr: quantile(part, histogram, filter), legend: `p${part * 100}` }));
}

/** Observations by bucket, for a heatmap. */
export function buckets(histogram: string, filter: string): Query[] {
  const expr = sum(increase(`${histogram}_bucket`, filter), 'le');
  return [{ expr, legend: '{{le}}', format: 'heatmap' }];
}
