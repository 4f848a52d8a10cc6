import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { SESSION_QUEUE_NAME } from '../../src/queue/bullmq-queue.ts';
import { startSession } from '../support/client.ts';
import { type Figure, figure } from '../support/figures.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { DELAYS } from '../support/slow-words.ts';
import type { Deployment } from './deployment.ts';

const WORKERS = [1, 2, 4] as const;
/** Sessions that a worker executes at once while the model is waited for: so few that no processor is the limit. */
const SLOTS = 8;
/** Sessions for each slot. */
const ROUNDS = 3;
/** Without the model's time the processors are the limit, however many run at once. */
const FAST_SLOTS = 16;
const FAST_BACKLOG = 240;
const PER_USER = 3;
/** Milliseconds: no backlog is waited for longer. */
const DRAIN_WITHIN_MS = 40_000;
/** Of a session of the fake model whose sources are cached. */
const SESSION_MS = DELAYS.empathy;

interface Drain {
  readonly perSecond: number;
  /** Processors that workers, Postgres and Redis kept busy. */
  readonly processors: number;
}

/** How fast one, two and four workers make what waits, once with the model as the limit and once with this machine. */
export async function measureSessionsPerSecond(deployment: Deployment): Promise<Figure[]> {
  await using resources = new AsyncDisposableStack();
  const connection = new Redis(deployment.redisUrl, { maxRetriesPerRequest: null });
  resources.defer(() => connection.disconnect());
  const queue = new Queue(SESSION_QUEUE_NAME, { connection, skipVersionCheck: true });
  resources.defer(() => queue.close());

  const slow = await drains(deployment, queue, false, SLOTS, (workers) => workers * SLOTS * ROUNDS);
  const fast = await drains(deployment, queue, true, FAST_SLOTS, () => FAST_BACKLOG);
  const each = (name: (workers: number) => string, unit: string, values: readonly number[]) =>
    values.map((value, index) => figure(name(WORKERS[index] ?? 0), value, unit));
  return [
    ...each(
      (workers) => `model of ${SESSION_MS} ms, ${workers} × ${SLOTS} slots`,
      'sessions/s',
      slow.map(({ perSecond }) => perSecond),
    ),
    figure('the model the limit: 4 workers against 1', ratio(slow), '×'),
    figure("1 worker against Little's law", (slow[0]?.perSecond ?? 0) / ((SLOTS * 1000) / SESSION_MS), '×'),
    ...each(
      (workers) => `no model time, workers: ${workers}`,
      'sessions/s',
      fast.map(({ perSecond }) => perSecond),
    ),
    ...each(
      (workers) => `no model time, workers: ${workers}, with Postgres and Redis`,
      'processors busy',
      fast.map(({ processors }) => processors),
    ),
    figure('this machine the limit: 4 workers against 1', ratio(fast), '×'),
  ];
}

async function drains(
  deployment: Deployment,
  queue: Queue,
  isFast: boolean,
  slots: number,
  sessionsFor: (workers: number) => number,
): Promise<Drain[]> {
  await using resources = new AsyncDisposableStack();
  const workers: ServiceProcess[] = [];
  const results: Drain[] = [];
  for (const count of WORKERS) {
    const fresh = Array.from({ length: count - workers.length }, () =>
      deployment.startWorker(slots, { isFast }),
    );
    for (const worker of await Promise.all(fresh)) workers.push(resources.use(worker));
    // Not counted: a worker that has just been loaded is slow, and has no sources yet.
    await drain(deployment, queue, 2 * count * slots, workers);
    results.push(await drain(deployment, queue, sessionsFor(count), workers));
  }
  return results;
}

/** Accepts sessions while the queue is paused, lets the workers have them all at once, and waits for the last. */
async function drain(
  { api, database, guests, spent }: Deployment,
  queue: Queue,
  sessions: number,
  workers: readonly ServiceProcess[],
): Promise<Drain> {
  const numberOf = async (condition: string) =>
    (await database.query<{ count: number }>(`select count(*)::int from meari_sessions where ${condition}`))
      .rows[0]?.count ?? 0;
  await queue.pause();
  const before = await numberOf(`status = 'completed'`);
  const users = await guests(Math.ceil(sessions / PER_USER));
  for (let accepted = 0; accepted < sessions; accepted += users.length) {
    await Promise.all(users.slice(0, sessions - accepted).map((cookie) => startSession(api.url, cookie)));
  }
  const { API: _, ...spentBefore } = await spent(workers);
  const startedAt = performance.now();
  await queue.resume();
  const deadline = AbortSignal.timeout(DRAIN_WITHIN_MS);
  while ((await numberOf(`status in ('queued', 'processing')`)) > 0) {
    await delay(20, undefined, { signal: deadline });
  }
  const ms = performance.now() - startedAt;
  const spentAfter = await spent(workers);
  const busyMs =
    spentAfter.workers -
    spentBefore.workers +
    (spentAfter.Postgres - spentBefore.Postgres) +
    (spentAfter.Redis - spentBefore.Redis);
  const completed = (await numberOf(`status = 'completed'`)) - before;
  if (completed !== sessions) throw new Error(`${completed} of ${sessions} sessions were completed`);
  return { perSecond: (sessions / ms) * 1000, processors: busyMs / ms };
}

function ratio(results: readonly Drain[]): number {
  return (results.at(-1)?.perSecond ?? 0) / (results[0]?.perSecond ?? 0);
}
