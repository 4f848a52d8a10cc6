import { readdir } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { openSession } from '../support/client.ts';
import { type Figure, figure } from '../support/figures.ts';
import { memoryOf } from '../support/service-process.ts';
import type { Deployment } from './deployment.ts';
import { redisSubscriptions } from './redis-info.ts';
import { countStatements } from './statements.ts';

const STREAMS = 1_000;
const PER_USER = 3;
/** Streams that are being opened at the same time. */
const OPENING = 16;
const OPEN_ATTEMPTS = 20;
/** Milliseconds until who was refused asks again. */
const REFUSED_MS = 500;
/** Milliseconds that are watched, in which every stream has one heartbeat. */
const WATCHED_MS = 15_000;
const MINUTE_MS = 60_000;

/** A thousand users who each follow a session of their own, which a held model keeps open: nothing happens. */
export async function measureIdleStreams(deployment: Deployment): Promise<Figure[]> {
  const { api, redisUrl } = deployment;
  await using _ = await deployment.startWorker(STREAMS, { holds: true });
  const statements = await countStatements(deployment.database);
  const guests = await deployment.guests(Math.ceil(STREAMS / PER_USER));
  const memoryBefore = await memoryOf(api.pid);
  const filesBefore = await openFiles(api.pid);

  const leaving = new AbortController();
  let opened = 0;
  const follow = async () => {
    for (let number = opened++; number < STREAMS; number = opened++) {
      const stream = await openStream(api.url, guests[number % guests.length] ?? '');
      leaving.signal.addEventListener('abort', () => stream.destroy(), { once: true });
      stream.on('error', () => {}).resume();
    }
  };
  await Promise.all(Array.from({ length: OPENING }, follow));

  await statements.restart();
  const spentBefore = await deployment.spent([]);
  await delay(WATCHED_MS);
  const spent = (await deployment.spent([])).API - spentBefore.API;
  const counts = await statements.counts();
  const memory = await memoryOf(api.pid);
  const files = await openFiles(api.pid);
  const subscriptions = await redisSubscriptions(redisUrl);
  leaving.abort();
  const perMinute = (cause: string) => ((counts.get(cause) ?? 0) * MINUTE_MS) / WATCHED_MS;
  return [
    figure('1000 idle streams: memory of the API process', (memory.now - memoryBefore.now) / 2 ** 20, 'MiB'),
    figure('1000 idle streams: open files', files - filesBefore, 'files'),
    figure('1000 idle streams: processor time', (spent * MINUTE_MS) / WATCHED_MS / 1000, 's/min'),
    figure('1000 idle streams: subscriptions at Redis', subscriptions, 'channels'),
    figure(
      '1000 idle streams: statements that look at them',
      perMinute('followed sessions looked at'),
      'statements/min',
    ),
    figure(
      '1000 running sessions: statements that renew leases',
      perMinute('lease renewed'),
      'statements/min',
    ),
    figure('a process: statements of its recovery', perMinute('recovery') / 2, 'statements/min'),
  ];
}

/** A busy machine may refuse for a moment, and says so: what is measured is what comes after. */
async function openStream(url: string, cookie: string): Promise<IncomingMessage> {
  for (let attempt = 1; ; attempt++) {
    const stream = await openSession(url, cookie, { Accept: 'text/event-stream' });
    if (stream.statusCode === 201) return stream;
    stream.resume();
    if (stream.statusCode !== 503 || attempt === OPEN_ATTEMPTS) {
      throw new Error(`${stream.statusCode} instead of a stream`);
    }
    await delay(REFUSED_MS);
  }
}

/** NaN where the system does not tell. */
async function openFiles(pid: number): Promise<number> {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => undefined);
  return files?.length ?? Number.NaN;
}
