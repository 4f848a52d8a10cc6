import type { Metric, ProfileReport } from './model.ts';

/** Functions in the terminal. */
const ROWS = 40;
const MIB = 1024 * 1024;

const UNITS: Readonly<Record<Metric, { readonly name: string; readonly text: (value: number) => string }>> = {
  cpu: { name: 'CPU ms', text: (value) => value.toFixed(1) },
  wall: { name: 'wall ms', text: (value) => value.toFixed(1) },
  allocated: { name: 'MiB', text: (value) => (value / MIB).toFixed(2) },
  live: { name: 'live MiB', text: (value) => (value / MIB).toFixed(2) },
};

/** A report as Python's pstats prints one: sums by step first, then the functions, the most expensive first. */
export function reportText({
  profile,
  metric,
  sums,
  functions,
  flame,
  foldedSamples,
}: ProfileReport): string {
  const unit = UNITS[metric];
  const total = flame.total;
  const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;
  const samples = sums.reduce((all, sum) => all + sum.samples, 0);
  const counted = profile.kind === 'heap' ? 'objects' : 'samples';
  const lines = [
    `${profile.kind} profile of ${profile.seconds} s: ${samples} ${counted}, ${unit.text(total)} ${unit.name}`,
    '',
  ];
  if (profile.kind === 'cpu') {
    const rows = sums.map(({ step, route, samples: taken, sums: { [metric]: value = 0 } }) => [
      unit.text(value),
      percent(total > 0 ? value / total : 0),
      String(taken),
      step ?? '(none)',
      route ?? '(none)',
    ]);
    lines.push(...columns([[unit.name, '%', 'samples', 'step', 'route'], ...rows], 3), '');
  }
  const rows = functions
    .slice(0, ROWS)
    .map(({ name, file, line, samples: taken, self, selfShare, total: cumulative, totalShare }) => [
      String(taken),
      unit.text(self),
      percent(selfShare),
      unit.text(cumulative),
      percent(totalShare),
      file === '' ? name : `${name} (${file}:${line})`,
    ]);
  const header = [counted, `self ${unit.name}`, '%', `total ${unit.name}`, '%', 'function'];
  lines.push(...columns([header, ...rows], 5));
  if (functions.length > ROWS) lines.push(`… and ${functions.length - ROWS} more`);
  if (foldedSamples > 0)
    lines.push(`${foldedSamples} samples count for a caller: the tree has too many branches`);
  return `${lines.join('\n')}\n`;
}

/** Pads to columns; the first `numbers` of them to the right. */
function columns(rows: readonly (readonly string[])[], numbers: number): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column < numbers ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
