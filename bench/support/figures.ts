/** One measured number, with its unit, and what it has to reach where DESIGN names that. */
export interface Figure {
  readonly name: string;
  /** NaN where it cannot be measured on this system. */
  readonly value: number;
  readonly unit: string;
  readonly target?: string;
}

export function figure(name: string, value: number, unit: string, target?: string): Figure {
  const rounded = Number(value.toPrecision(3));
  return { name, value: rounded, unit, ...(target === undefined ? {} : { target }) };
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Nearest-rank percentile. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('no values');
  return value;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** A Markdown table, which a terminal shows well enough too. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(
    ({ name, value, unit, target = '' }) =>
      `| ${name} | ${Number.isNaN(value) ? 'n/a' : `${value} ${unit}`} | ${target} |`,
  );
  return ['| what | measured | must reach |', '|---|---|---|', ...rows].join('\n');
}
