import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { fillScalingPage } from '../../bench/scale/page.ts';
import { figure } from '../../bench/support/figures.ts';

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('docs/scaling.md', () => {
  test('its tables are what follows from the last benchmark', async () => {
    const page = await read('docs/scaling.md');
    const figures = JSON.parse(await read('bench/results/scale.json'));
    const machine = JSON.parse(await read('bench/results/machine.json'));
    assert.equal(fillScalingPage(page, figures, machine), page);
  });

  test('every file of this repository that it names is there', async () => {
    const page = await read('docs/scaling.md');
    const links = [...page.matchAll(/\]\((\.\.\/[^)#]+)/g)].map(([, path = '']) => path);
    assert.ok(links.length > 10);
    for (const link of new Set(links)) await access(new URL(`../../docs/${link}`, import.meta.url));
  });

  test('every alert and recorded series that it names is one', async () => {
    const page = await read('docs/scaling.md');
    const rules =
      (await read('prometheus/rules/alerts.yml')) + (await read('prometheus/rules/recording.yml'));
    const named = new Set([...page.matchAll(/`(Meari[A-Z]\w+|meari:\w+:\w+)/g)].map(([, name = '']) => name));
    assert.ok(named.size > 10);
    for (const name of named) assert.match(rules, new RegExp(`(alert|record): ${name}$`, 'm'));
  });

  test('a million sessions a day at ten times the average: 116 a second, 810 at once for 7 s each', () => {
    const costs = {
      'a session: statements': 10,
      'a session: Redis commands': 20,
      'a session: processor time of API': 10,
      'a session: processor time of workers': 100,
      'a session: processor time of Postgres': 5,
      'a session: processor time of Redis': 1,
      'a process: statements of its recovery': 120,
      'a session on disk': 10_000,
      'a finished session that was read: in Redis for an hour': 10_000,
    };
    const figures = Object.entries(costs).map(([name, value]) => figure(name, value, 'unit'));
    const machine = { date: '2026-01-01', processor: 'Abacus', processors: 2, memoryGiB: 8 };
    const page =
      '<!-- scale:machine --><!-- /scale:machine --><!-- scale:arithmetic --><!-- /scale:arithmetic -->';
    const filled = fillScalingPage(page, figures, machine);
    assert.match(filled, /on 2026-01-01 .* 2 × Abacus, 8 GiB/);
    const last = (name: string) =>
      filled
        .split('\n')
        .find((row) => row.startsWith(`| ${name}`))
        ?.split('|')
        .at(-2)
        ?.trim();
    assert.equal(last('sessions/s at the peak'), '58 to 120');
    assert.equal(last('sessions at once'), '170 to 810');
    // 810 / (32 × 0.7)
    assert.equal(last('worker processes'), '37');
    assert.equal(last('processors of the workers'), '12');
    // 1 157 of sessions, 162 of leases, 80 of 40 processes.
    assert.equal(last('statements/s'), '1 400');
    assert.equal(last('model calls/min'), '21 000');
    assert.equal(last('US dollars a day'), '5 600');
    assert.equal(last('GB of database a year'), '3 700');
  });

  test('a figure that was not measured is named', () => {
    const page = '<!-- scale:arithmetic --><!-- /scale:arithmetic -->';
    const machine = { date: '', processor: '', processors: 1, memoryGiB: 1 };
    assert.throws(() => fillScalingPage(page, [], machine), /no figure "a session: processor time of API"/);
  });
});
