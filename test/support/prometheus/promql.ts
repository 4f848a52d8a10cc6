import { parser } from '@prometheus-io/lezer-promql';

/** The instant selectors of an expression as they are written, such as `up{job="meari-api"}`, each once. */
export function selectorsOf(expression: string): string[] {
  const selectors = new Set<string>();
  parser.parse(expression).iterate({
    enter({ name, from, to }) {
      if (name === '⚠') throw new Error(`not PromQL: ${expression}`);
      if (name === 'VectorSelector') selectors.add(expression.slice(from, to));
    },
  });
  return [...selectors];
}

/** The names of the series that an expression asks for, each once. */
export function metricsOf(expression: string): string[] {
  return [...new Set(selectorsOf(expression).map((selector) => selector.replace(/\{.*/s, '')))];
}
