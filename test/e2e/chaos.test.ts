import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createTestDatabase } from '../support/database.ts';
import { SESSIONS } from '../support/paths.ts';
import { processesWith } from '../support/process.ts';
import { startRedis } from '../support/redis.ts';
import { type OpenStream, openStream, type StreamedLine } from '../support/stream-client.ts';
import {
  createCallLog,
  keyedContext,
  readCallLog,
  startWorkerProcess,
  type WorkerProcess,
  type WriterDelays,
} from '../support/worker-process.ts';

/**
 * Two API and three worker processes on one database and one Redis. Sessions arrive in every delivery, streams are
 * cut and taken up again, and workers are killed with -9 and replaced. All of it follows from one seed: set
 * CHAOS_SEED to a printed one for the same sessions, cuts and kills at the same moments.
 */

const SESSION_COUNT = 200;
const GUESTS = 80;
const KILLS = 6;
/** Milliseconds in which sessions arrive and workers are killed. A lease of 15 s is waited out after that. */
const STORM_MS = 24_000;
/** Long enough that every kill hits sessions, short enough that two workers keep up. */
const DELAYS: WriterDelays = { persona: [200, 1_200], empathy: [300, 2_000], reflection: [300, 1_600] };

/** Deliveries in one piece, with the statuses that a creation may be answered with. */
const POLLED = {
  sync: { preference: undefined, statuses: [201, 202] },
  'sync for a second': { preference: 'wait=1', statuses: [201, 202] },
  background: { preference: 'respond-async', statuses: [202] },
};
const STREAMED = { ndjson: 'application/x-ndjson', sse: 'text/event-stream' };
const DELIVERIES = ['sync', 'sync for a second', 'background', 'ndjson', 'sse'] as const;

interface SessionPlan {
  readonly key: string;
  readonly guest: number;
  /** Milliseconds after the start of the storm. */
  readonly at: number;
  readonly delivery: (typeof DELIVERIES)[number];
  /** Which API process is asked first; every further connection is to the other one. */
  readonly api: number;
  /** A stream's connections: how many milliseconds each lasts, and how long the client then stays away. */
  readonly cuts: readonly { lastsMs: number; awayMs: number }[];
  readonly byLastEventId: boolean;
  readonly pollMs: number;
}

interface KillPlan {
  readonly at: number;
  /** From 0 to 1: which of the workers that are ready. */
  readonly victim: number;
}

function makePlan(seed: number): { sessions: SessionPlan[]; kills: KillPlan[] } {
  const random = mulberry32(seed);
  const between = (least: number, most: number) => Math.round(least + (most - least) * random());
  const kills = Array.from({ length: KILLS }, (_, index) => {
    // One in each part of the storm, so that there is always a worker to kill and one that is left.
    const slot = STORM_MS / KILLS;
    return { at: between(index * slot + slot / 4, (index + 1) * slot), victim: random() };
  });
  const sessions = Array.from({ length: SESSION_COUNT }, (_, index) => ({
    key: String(index).padStart(3, '0'),
    // At most three sessions each, which is what a user may have unfinished.
    guest: index % GUESTS,
    at: between(0, STORM_MS),
    delivery: DELIVERIES[between(0, 1e9) % DELIVERIES.length] ?? 'sync',
    api: between(0, 1),
    cuts: Array.from({ length: between(0, 3) }, () => ({
      lastsMs: between(0, 1_500),
      awayMs: between(0, 1_000),
    })),
    byLastEventId: random() < 0.4,
    pollMs: between(100, 800),
  }));
  return { sessions, kills };
}

/** Tommy Ettinger's generator: small, and the same on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Delivered {
  readonly sessionId: string;
  /** Every line of the stream with a number, over all its connections; undefined when there was no stream. */
  readonly events?: readonly StreamedLine[];
}

interface ClientOptions {
  readonly apis: readonly string[];
  readonly cookie: string;
  /** Called for every answer of 503, and for a stream that ends by asking to come back. */
  readonly onRefusal: () => void;
}

type Client = ReturnType<typeof createClient>;

/** Asks one API process after the other, and again later where it is told so: 503 is an answer, not a loss. */
function createClient({ apis, cookie, onRefusal }: ClientOptions, firstApi: number) {
  let turn = firstApi;

  async function open(path: string, headers: Record<string, string>, post?: object): Promise<OpenStream> {
    const init = post
      ? { method: 'POST', body: JSON.stringify(post), headers: { 'Content-Type': 'application/json' } }
      : {};
    for (;;) {
      const stream = await openStream(`${apis[turn++ % apis.length]}${SESSIONS}${path}`, {
        ...init,
        headers: { ...init.headers, ...headers, Cookie: cookie },
      });
      if (stream.response.status !== 503) return stream;
      stream.leave();
      onRefusal();
      await sleep(Number(stream.response.headers.get('Retry-After')) * 1_000);
    }
  }

  return {
    open,
    onRefusal,
    // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever the answer holds.
    async json(path: string, headers: Record<string, string> = {}, post?: object): Promise<[number, any]> {
      const { response } = await open(path, headers, post);
      return [response.status, await response.json()];
    },
  };
}

/** A new guest's cookie. */
async function logIn(url: string): Promise<string> {
  for (;;) {
    const answer = await fetch(url, { method: 'POST' });
    if (answer.status === 201) return answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    assert.equal(answer.status, 503);
    await sleep(Number(answer.headers.get('Retry-After')) * 1_000);
  }
}

function creationOf({ key }: SessionPlan) {
  return {
    body: { selected_tag_id: 2, user_context: keyedContext(key) },
    // By which a creation that was answered with 503 can be asked for again.
    idempotency: { 'Idempotency-Key': key },
  };
}

/** Waits in the request, or comes back until the session is there. */
async function poll(plan: SessionPlan, delivery: keyof typeof POLLED, client: Client): Promise<Delivered> {
  const { preference, statuses } = POLLED[delivery];
  const { body, idempotency } = creationOf(plan);
  const [status, created] = await client.json(
    '',
    { ...idempotency, ...(preference && { Prefer: preference }) },
    body,
  );
  assert.ok(statuses.includes(status), JSON.stringify(created));
  const path = `/${created.session_id}`;
  let state: string = status === 201 ? 'completed' : created.status;
  while (state !== 'completed') {
    assert.notEqual(state, 'failed', plan.key);
    if (delivery === 'background') await sleep(plan.pollMs);
    const patience = delivery === 'background' ? {} : { Prefer: 'wait=5' };
    const [, answer] = await client.json(`${path}/status`, patience);
    state = answer.status;
  }
  const [, session] = await client.json(path);
  assert.equal(session.status, 'success', plan.key);
  if (status === 201) assert.deepEqual(session, created);
  return { sessionId: created.session_id };
}

/** Reads a stream that is cut as planned, each time taken up again after the last event that had arrived. */
async function stream(
  plan: SessionPlan,
  delivery: keyof typeof STREAMED,
  client: Client,
): Promise<Delivered> {
  const { key, cuts, byLastEventId } = plan;
  const { body, idempotency } = creationOf(plan);
  const Accept = STREAMED[delivery];
  const events: StreamedLine[] = [];

  async function connect(): Promise<OpenStream> {
    const last = events.at(-1);
    if (last === undefined) return client.open('', { Accept, ...idempotency }, body);
    const path = `/${last.session_id}/events`;
    return byLastEventId
      ? client.open(path, { Accept, 'Last-Event-ID': String(last.seq) })
      : client.open(`${path}?after=${last.seq}`, { Accept });
  }

  /** True when there may be more to read on this connection. */
  async function readEvent({ next }: OpenStream): Promise<boolean> {
    for (;;) {
      const line = await next();
      assert.ok(line, `${key}: the stream ended without its last event`);
      if (line.status === 'heartbeat') continue;
      if (line.seq === undefined) {
        assert.equal(line.status, 'reconnect', `${key}: ${JSON.stringify(line)}`);
        client.onRefusal();
        return false;
      }
      events.push(line);
      return line.status !== 'completed' && line.status !== 'failed';
    }
  }

  for (let connection = 0; ; connection++) {
    const cut = cuts[connection];
    const open = await connect();
    // Before its first event a client has nothing to come back for: it stays for that.
    let readOn = events.length > 0 || (await readEvent(open));
    let isCut = false;
    const leave = () => {
      isCut = true;
      open.leave();
    };
    const timer = cut && setTimeout(leave, cut.lastsMs);
    try {
      while (readOn) readOn = await readEvent(open);
      const last = events.at(-1);
      if (last?.status === 'completed') return { sessionId: last.session_id ?? '', events };
      assert.notEqual(last?.status, 'failed', key);
    } catch (error) {
      if (!isCut || (error as Error).name !== 'AbortError') throw error;
    } finally {
      clearTimeout(timer);
    }
    await sleep(cut?.awayMs);
  }
}

/** Events of one session, in order, each once. The three parts come in any order, the cards after both of theirs. */
function assertWhole(events: readonly StreamedLine[], key: string): void {
  const statuses = events.map(({ status }) => status);
  assert.deepEqual(
    events.map(({ seq }) => seq),
    [1, 2, 3, 4, 5, 6],
    `${key}: ${statuses}`,
  );
  assert.equal(statuses[0], 'starting');
  assert.equal(statuses[5], 'completed');
  const parts = ['cards_created', 'empathy_created', 'persona_created', 'reflection_created'];
  assert.deepEqual(statuses.slice(1, 5).toSorted(), parts);
  const cards = statuses.indexOf('cards_created');
  assert.ok(cards > statuses.indexOf('empathy_created') && cards > statuses.indexOf('reflection_created'));
}

/** Sessions that a killed worker held, with the moment by the database's clock. */
async function leasesOf(database: pg.Client, pid: number): Promise<{ id: string; killed_at: Date }[]> {
  const { rows } = await database.query(
    `select id, clock_timestamp() as killed_at from meari_sessions where status = 'processing' and lease_owner ~ $1`,
    [`-${pid}-[0-9a-f]{8}$`],
  );
  return rows;
}

test('200 sessions in every delivery while workers are killed', { timeout: 150_000 }, async (context) => {
  const seed = Number(process.env.CHAOS_SEED || randomInt(2 ** 31));
  console.log(`CHAOS_SEED=${seed}`);
  const plan = makePlan(seed);

  await using resources = new AsyncDisposableStack();
  const testDatabase = await createTestDatabase();
  resources.defer(() => testDatabase.drop());
  const redis = resources.use(await startRedis());
  const database = new pg.Client({ connectionString: testDatabase.url });
  await database.connect();
  resources.defer(() => database.end());
  await createCallLog(database);

  const processes: WorkerProcess[] = [];
  const start = async (ROLE: 'api' | 'worker') => {
    const env = { ROLE, REDIS_URL: redis.url, SESSION_CONCURRENCY: '8' };
    const options = { databaseUrl: testDatabase.url, delays: DELAYS, seed, env };
    const started = resources.use(await startWorkerProcess(options));
    processes.push(started);
    return started;
  };
  const starting = (['api', 'api', 'worker', 'worker', 'worker'] as const).map(start);
  await Promise.allSettled(starting);
  const started = await Promise.all(starting);
  const [apis, workers] = [started.slice(0, 2), started.slice(2)];
  const urls = apis.map(({ url }) => url);
  const cookies = await Promise.all(
    Array.from({ length: GUESTS }, (_, guest) => logIn(`${urls[guest % urls.length]}/auth/guest`)),
  );

  // The first failure ends the storm: what is left of it must not go on while its processes are taken away.
  const storm = new AbortController();
  const inStorm = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error) => {
      storm.abort(error);
      throw error;
    });
  const begin = performance.now();
  const until = (at: number) =>
    sleep(Math.max(0, begin + at - performance.now()), undefined, { signal: storm.signal });
  const killed: { id: string; killed_at: Date }[] = [];
  const killer = async () => {
    const replacements: Promise<unknown>[] = [];
    try {
      for (const { at, victim } of plan.kills) {
        await until(at);
        // One must be left.
        if (workers.length < 2) await Promise.all(replacements);
        const [worker] = workers.splice(Math.floor(victim * workers.length), 1);
        assert.ok(worker);
        await worker.kill();
        killed.push(...(await leasesOf(database, worker.pid)));
        replacements.push(inStorm(start('worker')).then((replacement) => workers.push(replacement)));
      }
    } finally {
      await Promise.allSettled(replacements);
    }
  };
  let refusals = 0;
  const onRefusal = () => {
    refusals += 1;
  };
  const deliver = async (session: SessionPlan) => {
    await until(session.at);
    const client = createClient({ apis: urls, cookie: cookies[session.guest] ?? '', onRefusal }, session.api);
    const { delivery } = session;
    return delivery === 'ndjson' || delivery === 'sse'
      ? stream(session, delivery, client)
      : poll(session, delivery, client);
  };
  const killing = inStorm(killer());
  const delivering = plan.sessions.map((session) => inStorm(deliver(session)));
  await Promise.allSettled([killing, ...delivering]);
  storm.signal.throwIfAborted();
  const delivered = await Promise.all(delivering);
  const stormMs = performance.now() - begin;

  // Every stream had every event once and in order, and a reader who comes now is told the same.
  const streams = plan.sessions.flatMap((session, index) => {
    const { sessionId, events } = delivered[index] ?? {};
    return events ? [{ session, sessionId, events }] : [];
  });
  for (const { session, sessionId, events } of streams) {
    assertWhole(events, session.key);
    const again = await openStream(`${urls[session.api]}${SESSIONS}/${sessionId}/events`, {
      headers: { Cookie: cookies[session.guest] ?? '' },
    });
    const withoutEstimate = ({ estimated_seconds: _, ...line }: StreamedLine) => line;
    assert.deepEqual((await again.rest()).map(withoutEstimate), events.map(withoutEstimate));
  }

  // Every session is there once, and whole.
  const { rows } = await database.query<{ id: string; attempts: number; whole: boolean; completed_at: Date }>(
    `select id, attempts, completed_at, status = 'completed'
       and (select count(*) = 3 from cards where session_id = s.id and kind = 'empathy')
       and (select count(*) = 3 from cards where session_id = s.id and kind = 'reflection')
       and (select count(*) = 1 from personas where session_id = s.id) as whole
     from meari_sessions as s`,
  );
  assert.deepEqual(
    rows.filter(({ whole }) => !whole),
    [],
  );
  assert.deepEqual(
    rows.map(({ id }) => id).toSorted(),
    delivered.map(({ sessionId }) => sessionId).toSorted(),
  );

  // No part was written again once there was a checkpoint of it.
  const parts = await readCallLog(database);
  assert.equal(parts.length, 3 * SESSION_COUNT);
  const wrong = parts.filter((part) => part.repeated > 0 || part.checkpoints !== 1 || part.started === 0);
  assert.deepEqual(wrong, []);

  // A chaos that hit nothing has proved nothing.
  assert.ok(killed.length > 0, 'no kill hit a session');
  assert.ok(parts.some(({ started }) => started > 1));

  const codes = await Promise.all([...apis, ...workers].map((running) => running.stop()));
  assert.deepEqual(codes, [0, 0, 0, 0, 0]);
  const pids = new Set(processes.map(({ pid }) => pid));
  assert.equal(pids.size, 5 + KILLS);
  assert.deepEqual(
    (await processesWith('worker-process.ts')).filter(({ pid }) => pids.has(pid)),
    [],
  );

  const completedAt = new Map(rows.map(({ id, completed_at }) => [id, completed_at.getTime()]));
  // Of a session that was hit twice, the last time counts.
  const lastKill = new Map(killed.map(({ id, killed_at }) => [id, killed_at.getTime()]));
  const recoveries = [...lastKill]
    .map(([id, at]) => ((completedAt.get(id) ?? 0) - at) / 1000)
    .toSorted((a, b) => a - b);
  const calls = parts.reduce((sum, { started }) => sum + started, 0);
  context.diagnostic(
    `${streams.length} streams; ${stormMs.toFixed(0)} ms from the first request to the last answer`,
  );
  context.diagnostic(
    `${killed.length} runs killed in ${recoveries.length} sessions, completed after ` +
      `${recoveries[0]} to ${recoveries.at(-1)} s (median ${recoveries[recoveries.length >> 1]})`,
  );
  context.diagnostic(`${refusals} requests and streams to be tried again`);
  context.diagnostic(`${calls} writer calls for ${parts.length} parts`);
  for (const [line, count] of countBy(processes.flatMap(warningsOf)))
    context.diagnostic(`${count} x ${line}`);
});

function warningsOf(running: WorkerProcess): string[] {
  return running
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => {
      const { level, msg, step, err } = JSON.parse(line);
      return [level, msg, step, err?.type, err?.code].filter(Boolean).join(' ');
    });
}

function countBy(texts: readonly string[]): [string, number][] {
  return [...Map.groupBy(texts, (text) => text)].map(([text, all]) => [text, all.length]);
}
