import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Writer } from '../../src/domain/ports.ts';
import { newGuests, open, SESSIONS, startSession } from '../support/client.ts';
import { type Figure, figure } from '../support/figures.ts';
import { memoryOf, startServiceProcess } from '../support/service-process.ts';

const STREAMS = 5_000;
const SESSIONS_FOLLOWED = 250;
const SESSIONS_PER_GUEST = 3;
/** Streams that are being opened at the same time. */
const OPENING = 64;
/** Milliseconds: a held step is aborted after 30 s and tried once more, and all must be over by then. */
const OPEN_WITHIN_MS = 30_000;
const TELL_WITHIN_MS = 10_000;
/** Milliseconds from the persona to the cards: the service looks at what is followed every 5 s, whatever it told. */
const BETWEEN_PARTS_MS = 6_000;
/** Sessions whose part is written, a second: as many as DESIGN has come in. */
const WRITTEN_PER_SECOND = 50;
/** Files besides the streams: modules, database connections, pipes. */
const OTHER_FILES = 200;

const MEBIBYTE = 2 ** 20;

/** Many followers of sessions that take long: what they cost, and how fast all are told. */
export async function measureOpenStreams(databaseUrl: string): Promise<Figure[]> {
  await requireOpenFiles(STREAMS + OTHER_FILES);
  await using service = await startServiceProcess({
    env: { DATABASE_URL: databaseUrl, SESSION_CONCURRENCY: String(SESSIONS_FOLLOWED) },
    holds: true,
  });
  const before = await memoryOf(service.pid);
  const followed = await startSessions(service.url);

  const streams: Stream[] = [];
  const openingAt = performance.now();
  await inParallel(OPENING, STREAMS, async (number) => {
    if (performance.now() - openingAt > OPEN_WITHIN_MS) return;
    const { cookie, id } = followed[number % followed.length] as FollowedSession;
    const stream = followSession(service.url, cookie, id);
    streams.push(stream);
    await stream.opened;
  });
  const openingMs = performance.now() - openingAt;
  const idle = await memoryOf(service.pid);

  const write = (part: keyof Writer) => service.release({ release: part, perSecond: WRITTEN_PER_SECOND });
  const personaMs = await untilAll(streams, 'persona', () => write('persona'));
  await delay(BETWEEN_PARTS_MS);
  const completedMs = await untilAll(streams, 'completed', () => {
    write('empathy');
    write('reflection');
  });
  const { peak } = await memoryOf(service.pid);
  const failed = STREAMS - streams.filter(({ hasCompleted }) => hasCompleted).length;
  return [
    figure('streams opened at the same time', streams.length, 'streams'),
    figure('until all are open', openingMs / 1000, 's'),
    figure('RSS of the service before', before.now / MEBIBYTE, 'MiB'),
    figure(`RSS with ${STREAMS} open streams`, idle.now / MEBIBYTE, 'MiB', '≤ 1024 MiB'),
    figure('RSS at most, when all are told', peak / MEBIBYTE, 'MiB', '≤ 1024 MiB'),
    figure('streams without their completed line', failed, 'streams', '0'),
    figure(`${SESSIONS_FOLLOWED} personas written`, SESSIONS_FOLLOWED / WRITTEN_PER_SECOND, 's'),
    figure('until all are told their persona', personaMs / 1000, 's'),
    figure('until all are told their cards and the end', completedMs / 1000, 's'),
  ];
}

interface FollowedSession {
  readonly cookie: string;
  readonly id: string;
}

async function startSessions(url: string): Promise<FollowedSession[]> {
  const guests = await newGuests(url, Math.ceil(SESSIONS_FOLLOWED / SESSIONS_PER_GUEST));
  const sessions: FollowedSession[] = [];
  for (let number = 0; number < SESSIONS_FOLLOWED; number++) {
    const cookie = guests[number % guests.length] ?? '';
    sessions.push({ cookie, id: await startSession(url, cookie) });
  }
  return sessions;
}

interface Stream {
  /** The first line is here, or it has failed. These promises do not reject. */
  readonly opened: Promise<void>;
  readonly persona: Promise<void>;
  readonly completed: Promise<void>;
  readonly hasCompleted: boolean;
}

function followSession(url: string, cookie: string, id: string): Stream {
  const opened = Promise.withResolvers<void>();
  const persona = Promise.withResolvers<void>();
  const completed = Promise.withResolvers<void>();
  const marks = [
    { text: '"status":"starting"', seen: opened.resolve },
    { text: '"status":"persona_created"', seen: persona.resolve },
    { text: '"status":"completed"', seen: completed.resolve },
  ];
  let next = 0;
  const read = async () => {
    const headers = { Cookie: cookie, Accept: 'text/event-stream' };
    const response = await open(`${url}${SESSIONS}/${id}/events`, { headers });
    // Looked through and not parsed: so many parsers would be a load of their own. A mark may lie across chunks.
    let tail = '';
    for await (const chunk of response.setEncoding('latin1')) {
      const text = tail + chunk;
      while (marks[next] && text.includes(marks[next]?.text ?? '')) marks[next++]?.seen();
      tail = text.slice(-32);
    }
  };
  read()
    // A stream that breaks off has not got all its lines, and is counted by that.
    .catch(() => {})
    .finally(() => {
      for (const { seen } of marks) seen();
    });
  return {
    opened: opened.promise,
    persona: persona.promise,
    completed: completed.promise,
    get hasCompleted() {
      return next === marks.length;
    },
  };
}

/** Milliseconds from the cause until every stream has the line, has failed, or is waited for no longer. */
async function untilAll(
  streams: readonly Stream[],
  line: 'persona' | 'completed',
  cause: () => void,
): Promise<number> {
  const startedAt = performance.now();
  cause();
  const all = Promise.all(streams.map((stream) => stream[line]));
  await Promise.race([all, delay(TELL_WITHIN_MS, undefined, { ref: false })]);
  return performance.now() - startedAt;
}

async function inParallel(
  width: number,
  count: number,
  work: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** @throws {Error} that says what to do when this process, and with it the service, may not open as many. */
async function requireOpenFiles(needed: number): Promise<void> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const allowed = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  if (allowed >= needed) return;
  throw new Error(
    `${STREAMS} streams need ${needed} open files a process, and ${allowed} are allowed: run ulimit -n ${needed}`,
  );
}
