import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { SESSIONS } from '../support/paths.ts';
import {
  createCallLog,
  keyedContext,
  type Part,
  readCallLog,
  startWorkerProcess,
  type WorkerProcess,
  type WriterDelays,
} from '../support/worker-process.ts';

/** One process that does everything, without Redis, is taken away in a session; another one is started. */

/** Longer than a test takes to see what it waits for, and shorter than a lease and a step's time limit. */
const LONG = [10_000, 10_000] as const;
const SHORT = [50, 50] as const;
const MIDDLE = [2_000, 2_000] as const;
const QUICK: WriterDelays = { persona: SHORT, empathy: SHORT, reflection: SHORT };
const STEADY: WriterDelays = { persona: MIDDLE, empathy: MIDDLE, reflection: MIDDLE };
const SLOW: WriterDelays = { persona: LONG, empathy: LONG, reflection: LONG };

/** The connections whose statement waits to write cards. */
const WAITS_TO_SAVE = `pid from pg_locks where relation = 'cards'::regclass and not granted`;
const CANCEL_THE_SAVE = `select pg_terminate_backend(waiting.pid, 10000) from (select ${WAITS_TO_SAVE}) as waiting`;

/** A database of the test's own with a log of what is called and kept. */
async function openDatabase() {
  const { url, drop } = await createTestDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await createCallLog(client);
  return {
    url,
    client,
    async [Symbol.asyncDispose]() {
      await client.end();
      await drop();
    },
  };
}

interface Accepted {
  readonly path: string;
  readonly headers: Record<string, string>;
}

async function createSession({ url }: WorkerProcess): Promise<Accepted> {
  const login = await fetch(`${url}/auth/guest`, { method: 'POST' });
  const cookie = { Cookie: login.headers.getSetCookie()[0]?.split(';')[0] ?? '' };
  const answer = await fetch(url + SESSIONS, {
    method: 'POST',
    headers: { ...cookie, 'Content-Type': 'application/json', Prefer: 'respond-async' },
    body: JSON.stringify({ selected_tag_id: 2, user_context: keyedContext('one') }),
  });
  assert.equal(answer.status, 202);
  const { session_id: id } = (await answer.json()) as { session_id: string };
  return { path: `${SESSIONS}/${id}`, headers: cookie };
}

async function waitForSession({ url }: WorkerProcess, { path, headers }: Accepted): Promise<void> {
  const status = await eventually(async () => {
    const answer = await fetch(`${url}${path}/status`, { headers: { ...headers, Prefer: 'wait=5' } });
    const { status } = (await answer.json()) as { status: string };
    return status === 'completed' || status === 'failed' ? status : undefined;
  });
  assert.equal(status, 'completed');
}

/** One session with one set of cards, and no part called once it was kept. Returns how often each was called. */
async function assertWritten({ client }: { client: pg.Client }): Promise<Record<Part, number>> {
  const { rows } = await client.query(
    `select (select string_agg(kind || position, ' ' order by kind, position) from cards) as cards,
       (select count(*)::int from personas) as personas, (select count(*)::int from meari_sessions) as sessions`,
  );
  const cards = 'empathy1 empathy2 empathy3 reflection1 reflection2 reflection3';
  assert.deepEqual(rows, [{ cards, personas: 1, sessions: 1 }]);
  const parts = await readCallLog(client);
  const wrong = parts.filter(({ repeated, checkpoints }) => repeated > 0 || checkpoints !== 1);
  assert.deepEqual(wrong, [], 'called, or kept, after its checkpoint');
  return Object.fromEntries(parts.map(({ step, started }) => [step, started])) as Record<Part, number>;
}

interface Scenario {
  /** Of the process that is killed; the one after it is quick. */
  readonly delays: WriterDelays;
  /** Resolves when it is time to kill. */
  readonly moment: (database: pg.Client) => Promise<void>;
  /** Undoes what `moment` did, once the process is gone. */
  readonly afterwards?: (database: pg.Client) => Promise<unknown>;
}

/** @returns how often each part was called in all. */
async function killAndRestart(context: TestContext, { delays, moment, afterwards }: Scenario) {
  await using database = await openDatabase();
  await using killed = await startWorkerProcess({ databaseUrl: database.url, delays });
  const session = await createSession(killed);
  await moment(database.client);
  await killed.kill();
  const { rows: clock } = await database.client.query('select clock_timestamp() as killed_at');
  await afterwards?.(database.client);

  await using next = await startWorkerProcess({ databaseUrl: database.url, delays: QUICK });
  await waitForSession(next, session);
  const { rows } = await database.client.query('select completed_at from meari_sessions');
  // How long that may take is a figure of `npm run bench delivery`.
  context.diagnostic(`completed ${rows[0].completed_at - clock[0].killed_at} ms after the kill`);
  assert.equal(await next.stop(), 0);
  // Awaited here, before the database is dropped.
  return await assertWritten(database);
}

/** Resolves once there are that many rows, or more. */
async function rowsIn(database: pg.Client, table: 'writer_calls' | 'checkpoints', count: number) {
  await eventually(async () => {
    const { rows } = await database.query<{ count: number }>(`select count(*)::int from ${table}`);
    return (rows[0]?.count ?? 0) >= count || undefined;
  });
}

describe('the only process is killed with -9 in a session, and another one started', {
  concurrency: true,
}, () => {
  test('right after the 202', async (context) => {
    const calls = await killAndRestart(context, { delays: SLOW, async moment() {} });
    for (const count of Object.values(calls)) assert.ok(count === 1 || count === 2);
  });

  test('while all three parts are being written: they are called again', async (context) => {
    const calls = await killAndRestart(context, {
      delays: SLOW,
      moment: (database) => rowsIn(database, 'writer_calls', 3),
    });
    assert.deepEqual(calls, { persona: 2, empathy: 2, reflection: 2 });
  });

  test('after the checkpoint of the persona: only the others are called again', async (context) => {
    const calls = await killAndRestart(context, {
      delays: { ...SLOW, persona: SHORT },
      moment: (database) => rowsIn(database, 'checkpoints', 1),
    });
    assert.deepEqual(calls, { persona: 1, empathy: 2, reflection: 2 });
  });

  for (const [fate, afterwards] of [
    // Postgres goes on with a statement that it has, whoever sent it.
    ['is carried out all the same', (database: pg.Client) => database.query('rollback')],
    ['is lost with it', (database: pg.Client) => database.query(`${CANCEL_THE_SAVE}; rollback`)],
  ] as const) {
    test(`after all three parts, and what saves them ${fate}: nothing is called again`, async (context) => {
      const calls = await killAndRestart(context, {
        delays: QUICK,
        async moment(database) {
          // The save waits at its first card for as long as this transaction lasts.
          await database.query('begin; lock table cards in share mode');
          await rowsIn(database, 'checkpoints', 3);
          await eventually(async () => {
            const { rows } = await database.query(`select ${WAITS_TO_SAVE}`);
            return rows.length > 0 || undefined;
          });
        },
        afterwards,
      });
      assert.deepEqual(calls, { persona: 1, empathy: 1, reflection: 1 });
    });
  }

  test('one that only sleeps past its lease writes nothing when it wakes up beside the other', async () => {
    await using database = await openDatabase();
    await using sleeper = await startWorkerProcess({ databaseUrl: database.url, delays: SLOW });
    const session = await createSession(sleeper);
    await rowsIn(database.client, 'writer_calls', 3);
    process.kill(sleeper.pid, 'SIGSTOP');
    await using next = await startWorkerProcess({ databaseUrl: database.url, delays: STEADY });
    await rowsIn(database.client, 'writer_calls', 6);

    // Its own calls are over by now, so that all of them return at once.
    process.kill(sleeper.pid, 'SIGCONT');
    await waitForSession(sleeper, session);
    // It stops after its last write.
    assert.equal(await sleeper.stop(), 0);
    assert.equal(await next.stop(), 0);
    assert.deepEqual(await assertWritten(database), { persona: 2, empathy: 2, reflection: 2 });
  });
});
