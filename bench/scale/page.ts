import { cpus, totalmem } from 'node:os';
import { type Figure, table } from '../support/figures.ts';
import { arithmetic } from './arithmetic.ts';

/** Where and when figures were measured. */
export interface Machine {
  readonly date: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryGiB: number;
}

export function thisMachine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

/** `docs/scaling.md` with its tables as they follow from what was measured. */
export function fillScalingPage(page: string, figures: readonly Figure[], machine: Machine): string {
  const { date, processor, processors, memoryGiB } = machine;
  const where = `Measured on ${date} on one machine for everything: ${processors} × ${processor}, ${memoryGiB} GiB.`;
  return [
    ['machine', where],
    ['measured', table(figures)],
    ['arithmetic', arithmetic(figures)],
  ].reduce((text, [name, content]) => {
    const [start, end] = [`<!-- scale:${name} -->`, `<!-- /scale:${name} -->`];
    return text.replace(new RegExp(`${start}[^]*${end}`), () => `${start}\n${content}\n${end}`);
  }, page);
}
