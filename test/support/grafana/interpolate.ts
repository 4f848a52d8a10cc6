/** What somebody has chosen in a variable: `All`, or one value or more. */
export type Choice = 'All' | readonly string[];

export interface Chosen {
  readonly instance: Choice;
  readonly route: Choice;
  readonly step: Choice;
}

/** As Grafana's Prometheus data source escapes the values of a variable that may have several. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\\\\\').replaceAll(/[$^*{}[\]'+?.()|]/g, '\\\\$&');
}

function regexOf(choice: Choice): string {
  if (choice === 'All') return '.*';
  const values = choice.map(escaped);
  return values.length === 1 ? (values[0] as string) : `(${values.join('|')})`;
}

/**
 * A query as Grafana sends it: variables in the form that it gives them in Prometheus queries, and the windows that
 * it chooses.
 *
 * @throws {Error} for a variable that there is not.
 */
export function interpolate(query: string, chosen: Chosen, rateInterval: string): string {
  const values: Readonly<Record<string, string>> = {
    instance: regexOf(chosen.instance),
    route: regexOf(chosen.route),
    step: regexOf(chosen.step),
    __rate_interval: rateInterval,
  };
  return query.replaceAll(/\$(?:([a-z_]+)|\{([a-z_]+)\})/g, (_, plain?: string, braced?: string) => {
    const value = values[plain ?? braced ?? ''];
    if (value === undefined) throw new Error(`no such variable: ${plain ?? braced}`);
    return value;
  });
}
