import { format } from './format.ts';

/** One line of a panel: a value for each moment, undefined where there is none. */
export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly (number | undefined)[];
}

export interface ChartOptions {
  readonly width: number;
  readonly height: number;
  readonly unit: string | undefined;
  readonly draw: 'lines' | 'stacked' | 'shares' | 'bars';
  /** End of the axis, where the panel says it. */
  readonly max: number | undefined;
  /** Dashed lines, where the panel has thresholds. */
  readonly limits: readonly { readonly value: number; readonly colour: string }[];
  /** Of the first and the last moment. */
  readonly times: readonly [string, string, string];
}

const LEFT = 70;
const BOTTOM = 16;
const TOP = 6;

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Lines, areas or bars over time, as SVG. */
export function chart(given: readonly Series[], options: ChartOptions): string {
  const { width, height, unit, draw, limits, times } = options;
  const series = draw === 'lines' ? given.map(unstacked) : stacked(given, draw === 'shares');
  const values = series.flatMap(({ upper }) => upper.filter((value) => value !== undefined));
  const top = options.max ?? (draw === 'shares' ? 1 : niceTop(Math.max(0, ...values), unit));
  const bottom = Math.min(0, ...values);
  const x = (index: number, count: number) => LEFT + ((width - LEFT - 6) * index) / Math.max(1, count - 1);
  const y = (value: number) => TOP + (height - TOP - BOTTOM) * (1 - (value - bottom) / (top - bottom || 1));
  const drawn = series.map((one) => {
    const at = (list: readonly (number | undefined)[]) =>
      list.flatMap((value, index) =>
        value === undefined ? [] : [`${x(index, list.length).toFixed(1)},${y(value).toFixed(1)}`],
      );
    if (draw === 'lines') {
      return `<polyline points="${at(one.upper).join(' ')}" fill="none" stroke="${one.colour}" stroke-width="1.6"/>`;
    }
    if (draw === 'bars') {
      const barWidth = Math.max(1, (width - LEFT) / one.upper.length - 0.6);
      return one.upper
        .map((value, index) => {
          const from = one.lower[index] ?? 0;
          if (value === undefined || value <= from) return '';
          const left = x(index, one.upper.length) - barWidth / 2;
          return `<rect x="${left.toFixed(1)}" y="${y(value).toFixed(1)}" width="${barWidth.toFixed(1)}" height="${(y(from) - y(value)).toFixed(1)}" fill="${one.colour}"/>`;
        })
        .join('');
    }
    const edge = [...at(one.upper), ...at(one.lower).toReversed()].join(' ');
    return `<polygon points="${edge}" fill="${one.colour}" fill-opacity="0.45"/><polyline points="${at(one.upper).join(' ')}" fill="none" stroke="${one.colour}"/>`;
  });
  const dashes = limits
    .filter(({ value }) => value <= top)
    .map(
      ({ value, colour }) =>
        `<line x1="${LEFT}" x2="${width - 6}" y1="${y(value)}" y2="${y(value)}" stroke="${colour}" stroke-dasharray="6 5"/>`,
    );
  return `<svg width="${width}" height="${height}">${axis(bottom, top, unit, width, y)}${drawn.join('')}${dashes.join('')}${timeAxis(times, width, height)}</svg>`;
}

/** Cells by bucket and moment, the darker the more. `rows` from the smallest bucket up. */
export function heatmapChart(
  rows: readonly { readonly name: string; readonly values: readonly number[] }[],
  { width, height, times }: Pick<ChartOptions, 'width' | 'height' | 'times'>,
): string {
  const most = Math.max(1e-9, ...rows.flatMap(({ values }) => values));
  const inner = { width: width - LEFT - 6, height: height - TOP - BOTTOM };
  const cellHeight = inner.height / Math.max(1, rows.length);
  const cells = rows.flatMap(({ name, values }, row) => {
    const y = TOP + inner.height - (row + 1) * cellHeight;
    const cellWidth = inner.width / values.length;
    const label =
      row % Math.ceil(rows.length / 8) === 0
        ? `<text x="${LEFT - 6}" y="${y + cellHeight / 2 + 4}" text-anchor="end">${name}</text>`
        : '';
    return [
      label,
      ...values.map((value, column) =>
        value < most * 0.004
          ? ''
          : `<rect x="${(LEFT + column * cellWidth).toFixed(1)}" y="${y.toFixed(1)}" width="${(cellWidth - 0.6).toFixed(1)}" height="${(cellHeight - 1).toFixed(1)}" fill="#ff9830" fill-opacity="${(0.15 + 0.85 * Math.sqrt(value / most)).toFixed(2)}"/>`,
      ),
    ];
  });
  return `<svg width="${width}" height="${height}">${cells.join('')}${timeAxis(times, width, height)}</svg>`;
}

/** The course behind the number of a stat panel. */
export function sparkline(values: readonly (number | undefined)[], width: number, height: number): string {
  const known = values.flatMap((value, index) => (value === undefined ? [] : [[index, value] as const]));
  if (known.length < 2) return '';
  const all = known.map(([, value]) => value);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const point = ([index, value]: readonly [number, number]) =>
    `${((width * index) / (values.length - 1)).toFixed(1)},${(height - 2 - ((height - 6) * (value - least)) / (most - least || 1)).toFixed(1)}`;
  const line = known.map(point).join(' ');
  const [from, to] = [line.split(',')[0], line.split(' ').at(-1)?.split(',')[0]];
  return `<svg width="${width}" height="${height}"><polygon points="${from},${height} ${line} ${to},${height}" fill="#fff" fill-opacity="0.14"/><polyline points="${line}" fill="none" stroke="#fff" stroke-opacity="0.5"/></svg>`;
}

interface Drawn extends Series {
  readonly upper: readonly (number | undefined)[];
  readonly lower: readonly (number | undefined)[];
}

function unstacked(series: Series): Drawn {
  return { ...series, upper: series.values, lower: [] };
}

/** Each on top of those before it; as parts of their sum when that is wanted. */
function stacked(series: readonly Series[], asShares: boolean): Drawn[] {
  const moments = Math.max(0, ...series.map(({ values }) => values.length));
  const sums = Array.from({ length: moments }, (_, index) =>
    series.reduce((total, { values }) => total + (values[index] ?? 0), 0),
  );
  const floor = new Array<number>(moments).fill(0);
  return series.map((one) => {
    const lower = [...floor];
    for (let index = 0; index < moments; index++) {
      const whole = asShares ? sums[index] || 1 : 1;
      floor[index] = (floor[index] ?? 0) + (one.values[index] ?? 0) / whole;
    }
    const isThere = (index: number) => (sums[index] ?? 0) > 0 || !asShares;
    return {
      ...one,
      upper: floor.map((value, index) => (isThere(index) ? value : undefined)),
      lower: lower.map((value, index) => (isThere(index) ? value : undefined)),
    };
  });
}

function axis(
  bottom: number,
  top: number,
  unit: string | undefined,
  width: number,
  y: (value: number) => number,
): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((part) => bottom + (top - bottom) * part)
    .map(
      (value) =>
        `<line x1="${LEFT}" x2="${width - 6}" y1="${y(value)}" y2="${y(value)}" stroke="#2a2d33"/><text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${format(value, unit)}</text>`,
    )
    .join('');
}

function timeAxis([first, middle, last]: ChartOptions['times'], width: number, height: number): string {
  const text = (x: number, anchor: string, shown: string) =>
    `<text x="${x}" y="${height - 3}" text-anchor="${anchor}">${shown}</text>`;
  return (
    text(LEFT, 'start', first) + text((LEFT + width) / 2, 'middle', middle) + text(width - 6, 'end', last)
  );
}

/** 1, 2, 4 or 8 times a power of ten, of two for bytes: a quarter of it is short to write. */
function niceTop(value: number, unit: string | undefined): number {
  if (value <= 0) return 1;
  if (unit === 'bytes') return 2 ** Math.ceil(Math.log2(value * 1.02));
  if (unit === 'percentunit' && value > 0.5 && value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 8, 10].find((step) => step * power >= value * 1.02) ?? 20) * power;
}
