import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fillScalingPage, thisMachine } from './scale/page.ts';
import { type Figure, table } from './support/figures.ts';

/**
 * `npm run bench [-- NAME …] [--json]`. Without names all of them run, `bench/results/` keeps what they measured,
 * and `docs/benchmarks.md` and the tables of the READMEs are made from it.
 */

const { values: flags, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});

const BENCHES = new URL('./benches/', import.meta.url);
const known = (await readdir(BENCHES)).map((file) => file.replace(/\.ts$/, '')).sort();
const unknown = positionals.find((name) => !known.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`no benchmark "${unknown}"; there are: ${known.join(', ')}\n`);
  process.exit(1);
}

const names = positionals.length > 0 ? positionals : known;
const results: Record<string, Figure[]> = {};
for (const name of names) {
  if (!flags.json) process.stdout.write(`\n${name}\n`);
  results[name] = names.length === 1 ? await measureHere(name) : await measureApart(name);
  if (!flags.json) process.stdout.write(`${table(results[name])}\n`);
}
if (flags.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
if (positionals.length === 0) await keep();

async function measureHere(name: string): Promise<Figure[]> {
  const { run } = (await import(new URL(`${name}.ts`, BENCHES).href)) as { run: () => Promise<Figure[]> };
  return run();
}

/** In a process of its own: what one benchmark has heated, cached or counted is not there for the next. */
async function measureApart(name: string): Promise<Figure[]> {
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), name, '--json'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the benchmark "${name}" ended with ${code}`);
  return (JSON.parse(output) as Record<string, Figure[]>)[name] ?? [];
}

/**
 * Every figure to `docs/benchmarks.md`; to the READMEs those that have something to reach; to `docs/scaling.md` what it
 * is reckoned from.
 */
async function keep(): Promise<void> {
  const sections: string[] = [];
  for (const [name, figures] of Object.entries(results)) {
    await writeFile(
      new URL(`./results/${name}.json`, import.meta.url),
      `${JSON.stringify(figures, null, 2)}\n`,
    );
    sections.push(`## ${name}\n\n${table(figures)}\n`);
  }
  await writeFile(
    new URL('../docs/benchmarks.md', import.meta.url),
    `# Benchmarks\n\nThe last full \`npm run bench\`; \`bench/benches/\` says what each of them does.\n\n${sections.join('\n')}`,
  );
  for (const readme of ['README.md', 'README.ko.md']) {
    const file = new URL(`../${readme}`, import.meta.url);
    let text = await readFile(file, 'utf8');
    for (const [name, figures] of Object.entries(results)) {
      const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
      const targets = figures.filter(({ target }) => target !== undefined);
      text = text.replace(new RegExp(`${start}[^]*${end}`), () => `${start}\n${table(targets)}\n${end}`);
    }
    await writeFile(file, text);
  }
  if (!results.scale?.length) return;
  const machine = thisMachine();
  await writeFile(
    new URL('./results/machine.json', import.meta.url),
    `${JSON.stringify(machine, null, 2)}\n`,
  );
  const scaling = new URL('../docs/scaling.md', import.meta.url);
  await writeFile(scaling, fillScalingPage(await readFile(scaling, 'utf8'), results.scale, machine));
}
