export type Labels = Readonly<Record<string, string>>;

/** One series of an answer. */
export interface Sample {
  readonly labels: Labels;
  /** May be NaN or infinite: that is how Prometheus answers a division by zero. */
  readonly value: number;
}

export interface RangeSeries {
  readonly labels: Labels;
  readonly values: readonly number[];
}

export interface Alert {
  readonly name: string;
  readonly state: 'pending' | 'firing';
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly value: number;
}

export interface Rule {
  readonly kind: 'alerting' | 'recording';
  readonly name: string;
  readonly query: string;
  readonly health: 'ok' | 'err' | 'unknown';
  /** Of its last evaluation. */
  readonly error: string;
}

export type PrometheusApi = ReturnType<typeof createPrometheusApi>;

/** Prometheus' HTTP API, as far as tests ask it. Each function throws with Prometheus' own words when it refuses. */
export function createPrometheusApi(url: string) {
  // biome-ignore lint/suspicious/noExplicitAny: the answers' shapes are those of Prometheus' documentation.
  async function ask(path: string, parameters: Record<string, string> = {}): Promise<any> {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: unknown };
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${parameters.query ?? path}`);
    return answer.data;
  }

  return {
    /** @returns the series of an instant vector, or the one sample, without labels, of a scalar. */
    async query(query: string): Promise<Sample[]> {
      const { resultType, result } = await ask('query', { query });
      if (resultType === 'scalar') return [{ labels: {}, value: toNumber(result) }];
      if (resultType !== 'vector') throw new Error(`a ${resultType}, where a vector is asked for: ${query}`);
      return result.map(({ metric, value }: { metric: Labels; value: Point }) => ({
        labels: metric,
        value: toNumber(value),
      }));
    },

    /** As a panel asks: each series of the last `seconds`, a value for each `stepSeconds`. */
    async queryRange(query: string, seconds: number, stepSeconds: number): Promise<RangeSeries[]> {
      const end = Date.now() / 1000;
      const { result } = await ask('query_range', {
        query,
        start: String(end - seconds),
        end: String(end),
        step: String(stepSeconds),
      });
      return result.map(({ metric, values }: { metric: Labels; values: Point[] }) => ({
        labels: metric,
        values: values.map(toNumber),
      }));
    },

    /** Series that match, each with all of its labels; Grafana's `label_values` asks for these. */
    series: (match: string): Promise<Labels[]> => ask('series', { 'match[]': match }),

    /** Every name there is a series of, recorded ones too. */
    metricNames: (): Promise<string[]> => ask('label/__name__/values'),

    /** Those that are pending or firing. */
    async alerts(): Promise<Alert[]> {
      const { alerts } = await ask('alerts');
      return alerts.map(
        ({ state, labels, annotations, value }: Omit<Alert, 'name' | 'value'> & { value: string }) => ({
          name: labels.alertname ?? '',
          state,
          labels,
          annotations,
          value: Number(value),
        }),
      );
    },

    /** All that are loaded, in the order of their files and groups. */
    async rules(): Promise<Rule[]> {
      const { groups } = await ask('rules');
      return groups.flatMap(({ rules }: { rules: Record<string, string>[] }) =>
        rules.map(({ type, name, query, health, lastError = '' }) => ({
          kind: type,
          name,
          query,
          health,
          error: lastError,
        })),
      );
    },
  };
}

/** Seconds of the epoch, and the value as text. */
type Point = readonly [number, string];

function toNumber([, value]: Point): number {
  if (value === '+Inf') return Number.POSITIVE_INFINITY;
  if (value === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(value);
}
