import { setTimeout as delay } from 'node:timers/promises';
import { open, openSession, SESSIONS, textOf } from '../support/client.ts';
import { type Figure, figure } from '../support/figures.ts';
import type { Deployment } from './deployment.ts';
import { countRedisCommands } from './redis-commands.ts';
import { redisMemory } from './redis-info.ts';
import { countStatements } from './statements.ts';

/** Sessions at the same time, each of a user of their own: so few that nothing waits, times out and is done again. */
const AT_ONCE = 16;
/** Not counted: the code of both processes is compiled meanwhile, and the caches are filled. */
const WARM_UP_ROUNDS = 2;
const COUNTED_ROUNDS = 2;
const COUNTED = COUNTED_ROUNDS * AT_ONCE;
const TIMED_ROUNDS = 4;
/** Milliseconds after the last answer in which the executor ends what nobody waits for. */
const SETTLE_MS = 300;

/**
 * What one session costs each part: the client waits for it, a model writes it over HTTP, the caches have the sources,
 * and one worker executes what one API process accepts.
 */
export async function measureSessionCost(deployment: Deployment): Promise<Figure[]> {
  const { api, redisUrl } = deployment;
  await using worker = await deployment.startWorker(AT_ONCE, {
    env: { ...deployment.modelEnv, LLM_MAX_CONCURRENT: String(3 * AT_ONCE) },
    isFast: true,
  });
  const statements = await countStatements(deployment.database);
  const guests = await deployment.guests(AT_ONCE);
  const round = () =>
    Promise.all(guests.map(async (cookie) => textOf(await openSession(api.url, cookie, {}))));
  for (let number = 0; number < WARM_UP_ROUNDS; number++) await round();

  const figures: Figure[] = [];
  {
    using commands = await countRedisCommands(redisUrl);
    await statements.restart();
    for (let number = 0; number < COUNTED_ROUNDS; number++) await round();
    await delay(SETTLE_MS);
    figures.push(
      ...perSession('statements', 'statements', withoutRecovery(await statements.counts())),
      ...perSession('Redis commands', 'commands', commands.counts().sent),
      figure(
        'a session: commands inside Redis scripts',
        commands.counts().insideScripts / COUNTED,
        'commands',
      ),
    );
  }

  const before = await deployment.spent([worker]);
  let bodies: string[] = [];
  for (let number = 0; number < TIMED_ROUNDS; number++) bodies = await round();
  await delay(SETTLE_MS);
  const after = await deployment.spent([worker]);
  for (const part of ['API', 'workers', 'Postgres', 'Redis'] as const) {
    const ms = (after[part] - before[part]) / (TIMED_ROUNDS * AT_ONCE);
    figures.push(figure(`a session: processor time of ${part}`, ms, 'ms'));
  }

  // Read again: from here on the cache has them.
  const read = async (body: string, cookie: string) =>
    textOf(
      await open(`${api.url}${SESSIONS}/${JSON.parse(body).session_id}`, { headers: { Cookie: cookie } }),
    );
  await Promise.all(bodies.map((body, index) => read(body, guests[index] ?? '')));
  const memory = await redisMemory(redisUrl, /^meari:cache:sessions/);
  return [
    ...figures,
    figure(
      'a finished session: its JSON',
      sum(bodies.map((body) => Buffer.byteLength(body))) / AT_ONCE,
      'bytes',
    ),
    figure('a finished session that was read: in Redis for an hour', memory / AT_ONCE, 'bytes'),
  ];
}

/** Each process looks once a second, whatever comes in. */
function withoutRecovery(counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...counts].filter(([cause]) => cause !== 'recovery'));
}

function perSession(what: string, unit: string, counts: ReadonlyMap<string, number>): Figure[] {
  const causes = [...counts].sort(([, a], [, b]) => b - a);
  return [
    figure(`a session: ${what}`, sum(counts.values()) / COUNTED, unit),
    ...causes.map(([cause, count]) => figure(`a session: ${what}, ${cause}`, count / COUNTED, unit)),
  ];
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}
