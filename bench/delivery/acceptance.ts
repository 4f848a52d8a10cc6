import { setTimeout as delay } from 'node:timers/promises';
import { newGuests, openSession, textOf } from '../support/client.ts';
import { type Figure, figure, percentile } from '../support/figures.ts';
import { startServiceProcess } from '../support/service-process.ts';

const PER_SECOND = 50;
const SECONDS = 10;
/** Not counted: the first requests of a process are slow, and a service that is up is not new. */
const WARM_UP_SECONDS = 2;
/** A user may have three unfinished sessions, and a session takes 1.5 s: with these, no user has two. */
const GUESTS = 200;

/** Sessions that are accepted and made in the background, as many a second, whatever the answers take. */
export async function measureAcceptance(databaseUrl: string): Promise<Figure[]> {
  await using service = await startServiceProcess({
    env: { DATABASE_URL: databaseUrl, SESSION_CONCURRENCY: '256' },
  });
  const guests = await newGuests(service.url, GUESTS);
  const latencies: number[] = [];
  let refused = 0;
  const answers: Promise<void>[] = [];

  const requestAt = async (dueAt: number, number: number) => {
    const response = await openSession(service.url, guests[number % GUESTS] ?? '', {
      Prefer: 'respond-async',
    });
    await textOf(response);
    // From the moment when it was due: a generator that is held up must not hide it.
    if (number >= PER_SECOND * WARM_UP_SECONDS) latencies.push(performance.now() - dueAt);
    if (response.statusCode !== 202) refused += 1;
  };
  const startedAt = performance.now();
  for (let number = 0; number < PER_SECOND * (WARM_UP_SECONDS + SECONDS); number++) {
    const dueAt = startedAt + (number * 1000) / PER_SECOND;
    await delay(Math.max(0, dueAt - performance.now()));
    answers.push(requestAt(dueAt, number));
  }
  await Promise.all(answers);
  return [
    figure(`202 at ${PER_SECOND} requests/s, p50`, percentile(latencies, 50), 'ms', '≤ 15 ms'),
    figure(`202 at ${PER_SECOND} requests/s, p99`, percentile(latencies, 99), 'ms', '≤ 60 ms'),
    figure(`202 at ${PER_SECOND} requests/s, refused`, refused, 'requests', '0'),
  ];
}
