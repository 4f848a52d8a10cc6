import type { Figure } from '../support/figures.ts';

const SESSIONS_A_DAY = [1_000, 10_000, 100_000, 1_000_000];
const DAY_SECONDS = 86_400;
/** The busiest minutes against the average: the Korean evening, and a mention on television. */
const PEAKS = { usual: 5, high: 10 };
/** Seconds: with the fake model, and with a slow real one. */
const SESSION_SECONDS = { fast: 1.5, slow: 7 };
/** `SESSION_CONCURRENCY` as it is by default, and how full it may be so that nobody waits. */
const SLOTS = 32;
const FILLED = 0.7;
/** Of one processor, by an API process. */
const API_FILLED = 0.6;
/** `DATABASE_POOL_MAX` as it is by default. */
const POOL = 10;
const RENEW_EVERY_SECONDS = 5;
/** The estimates of the README, and the price of Gemini 2.5 Flash in US dollars a million. */
const CALLS = 3;
const TOKENS = { in: 6_000, out: 1_500 };
const DOLLARS = (TOKENS.in * 0.3 + TOKENS.out * 2.5) / 1e6;

/** What so many sessions a day need, as a Markdown table, from what one of them was measured to cost. */
export function arithmetic(figures: readonly Figure[]): string {
  const measured = (name: string): number => {
    const found = figures.find((figure) => figure.name === name);
    if (!found) throw new Error(`no figure "${name}" was measured`);
    return found.value;
  };
  const processors = (part: string) => measured(`a session: processor time of ${part}`) / 1_000;
  const columns = SESSIONS_A_DAY.map((aDay) => {
    const average = aDay / DAY_SECONDS;
    const peak = PEAKS.high * average;
    const atOnce = peak * SESSION_SECONDS.slow;
    const workers = Math.max(2, Math.ceil(atOnce / (SLOTS * FILLED)));
    const apis = 1 + Math.ceil((peak * processors('API')) / API_FILLED);
    const background =
      atOnce / RENEW_EVERY_SECONDS +
      ((workers + apis) * measured('a process: statements of its recovery')) / 60;
    return [
      average,
      `${short(PEAKS.usual * average)} to ${short(peak)}`,
      `${short(peak * SESSION_SECONDS.fast)} to ${short(atOnce)}`,
      workers,
      apis,
      peak * processors('workers'),
      peak * processors('API'),
      peak * processors('Postgres'),
      peak * processors('Redis'),
      peak * measured('a session: statements') + background,
      (workers + apis) * POOL,
      peak * measured('a session: Redis commands'),
      2 * atOnce,
      aDay * CALLS,
      peak * CALLS * 60,
      `${short((peak * TOKENS.in * 60) / 1e6)} and ${short((peak * TOKENS.out * 60) / 1e6)}`,
      aDay * DOLLARS,
      (aDay * measured('a session on disk') * 365) / 1e9,
      (peak * 3_600 * measured('a finished session that was read: in Redis for an hour')) / 1e6,
    ];
  });
  const names = [
    'sessions/s, average',
    `sessions/s at the peak (${PEAKS.usual} to ${PEAKS.high} ×)`,
    `sessions at once at ${PEAKS.high} ×, of ${SESSION_SECONDS.fast} to ${SESSION_SECONDS.slow} s`,
    `worker processes of ${SLOTS} slots, ${100 * FILLED} % filled`,
    'API processes, one of them to spare',
    'processors of the workers',
    'processors of the API',
    'processors of Postgres',
    'processors of Redis (it has one)',
    'statements/s, with leases and recovery',
    `connections to Postgres at most, ${POOL} a process`,
    'Redis commands/s',
    'Redis subscriptions',
    'model calls a day',
    'model calls/min',
    'million tokens/min, in and out',
    'US dollars a day for the model',
    'GB of database a year, nothing deleted',
    'MB in Redis, each session read again within the hour',
  ];
  const rows = names.map(
    (name, row) => `| ${name} | ${columns.map((column) => cell(column[row])).join(' | ')} |`,
  );
  const head = SESSIONS_A_DAY.map((aDay) => aDay.toLocaleString('en-US').replaceAll(',', ' '));
  return [`| sessions a day | ${head.join(' | ')} |`, `|---|${'---|'.repeat(head.length)}`, ...rows].join(
    '\n',
  );
}

function cell(value: string | number | undefined): string {
  return typeof value === 'number' ? short(value) : (value ?? '');
}

/** Two digits that count: nothing here is known better. */
function short(value: number): string {
  return Number(value.toPrecision(2))
    .toLocaleString('en-US', { maximumFractionDigits: 6 })
    .replaceAll(',', ' ');
}
