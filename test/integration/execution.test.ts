import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { v7 as uuidv7 } from 'uuid';
import {
  type BusMessage,
  type Claim,
  deltasOf,
  type ExecutionRepository,
  type SessionRepository,
  type SessionResult,
} from '../../src/domain/ports.ts';
import { sessionEvents } from '../../src/domain/session-events.ts';
import { createLogger } from '../../src/log.ts';
import { createSessionGraph } from '../../src/pipeline/create-session.ts';
import { createStepRecorder } from '../../src/profiling/step.ts';
import { createLocalBus } from '../../src/queue/local-bus.ts';
import { createExecutor } from '../../src/sessions/executor.ts';
import { createFeed } from '../../src/sessions/feed.ts';
import { createSessionMetrics } from '../../src/sessions/session-metrics.ts';
import { connectDatabase, type Database } from '../../src/store/database.ts';
import { createCorpusRepository } from '../../src/store/repositories/corpus-repository.ts';
import { createExecutionRepository } from '../../src/store/repositories/execution-repository.ts';
import { createSessionRepository } from '../../src/store/repositories/session-repository.ts';
import { createUserRepository } from '../../src/store/repositories/user-repository.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createHeldWriter } from '../support/held-writer.ts';

const LIMITS = { unfinishedPerUser: 100, queued: 1_000 };
/** A lease that has lapsed by the time that anybody can ask. */
const LAPSED_MS = -1;

let testDatabase: TestDatabase;
let database: Database;
let sessions: SessionRepository;
let executions: ExecutionRepository;
before(async () => {
  testDatabase = await createTestDatabase();
  database = connectDatabase({ url: testDatabase.url, poolMax: 5 });
  sessions = createSessionRepository(database);
  executions = createExecutionRepository(database);
});
after(async () => {
  await database.destroy();
  await testDatabase.drop();
});

async function writeResult(userId: string): Promise<SessionResult> {
  const held = createHeldWriter();
  held.releaseAll();
  const { writer } = held;
  const history = await sessions.history(userId);
  const brief = { topic: { tagId: 2, userContext: null }, history, variant: 0, startedAt: 0 };
  const { signal } = new AbortController();
  const sources = await createCorpusRepository(database).forTag(2);
  return {
    persona: (await writer.persona(brief, signal)).part,
    empathy: (await writer.empathy({ ...brief, sources }, signal)).part,
    reflection: (await writer.reflection({ ...brief, sources }, signal)).part,
    degraded: false,
    completedAt: new Date(),
  };
}

async function acceptSession(): Promise<{ id: string; userId: string }> {
  const userId = uuidv7();
  const tokenHash = Buffer.from(randomUUID());
  await createUserRepository(database).createGuest({
    id: userId,
    nickname: '고래',
    tokenHash,
    expiresAt: new Date(),
  });
  const id = uuidv7();
  const topic = { tagId: 2, userContext: null };
  const now = new Date();
  const session = { id, userId, topic, crisis: false, idempotency: undefined, traceparent: undefined, now };
  assert.equal(await sessions.accept(session, LIMITS), 'accepted');
  return { id, userId };
}

async function claim(id: string, leaseMs: number): Promise<Claim> {
  const claimed = await executions.claim(id, 'test', leaseMs);
  assert.ok(claimed);
  return claimed;
}

const statusOf = async (id: string) => (await database('meari_sessions').where({ id }).first()).status;

describe('lease', () => {
  test('one executor at a time; a lapsed lease can be taken over', async () => {
    const { id } = await acceptSession();
    const first = await claim(id, LAPSED_MS);
    const second = await claim(id, 60_000);
    assert.equal(second.attempt, 2);
    assert.ok(second.lease.fence > first.lease.fence);
    assert.equal(await executions.claim(id, 'third', 60_000), undefined);
  });

  test('of many who claim at the same moment, one gets it', async () => {
    const { id } = await acceptSession();
    const claims = await Promise.all(
      Array.from({ length: 5 }, (_, n) => executions.claim(id, `${n}`, 60_000)),
    );
    assert.equal(claims.filter(Boolean).length, 1);
  });

  test('fencing: no write of a run that was taken over gets through', async () => {
    const { id, userId } = await acceptSession();
    const { lease: stale } = await claim(id, LAPSED_MS);
    const { lease } = await claim(id, 60_000);
    const result = await writeResult(userId);
    assert.equal(await executions.renew(stale, 60_000), false);
    assert.equal(
      await executions.checkpoint(stale, { name: 'persona', durationMs: 1 }, result.persona),
      false,
    );
    assert.equal(await executions.complete(stale, result), false);
    assert.equal(await executions.fail(stale, 'timeout'), false);
    assert.equal(await executions.release(stale, { countsAsAttempt: true }), false);
    assert.equal(await statusOf(id), 'processing');
    for (const table of ['session_steps', 'cards', 'personas']) {
      assert.deepEqual(await database(table).where('session_id', id), [], table);
    }
    assert.equal(await executions.complete(lease, result), true);
    // The answer to a commit may be lost, and the run asks again: it is told the truth, and nothing is written twice.
    assert.equal(await executions.complete(lease, result), true);
    assert.equal((await database('cards').where('session_id', id)).length, 6);
  });

  test('a session is saved whole or not at all, and its cards as they were written', async () => {
    const { id, userId } = await acceptSession();
    const { lease } = await claim(id, 60_000);
    const result = await writeResult(userId);
    // What JSON can say and a text of Postgres cannot, and what its arrays and records mean something by.
    const odd = 'a\u0000b \ud800 "{c}" \\ NULL, 줄\n바꿈';
    const [first, ...others] = result.reflection.cards;
    const reflection = { ...result.reflection, cards: [{ ...first, content: odd }, ...others] as never };

    const inTheWay = { session_id: id, kind: 'reflection', position: 3, body: '{}' };
    await database('cards').insert(inTheWay);
    await assert.rejects(executions.complete(lease, { ...result, reflection }), /cards_pkey/);
    assert.equal(await statusOf(id), 'processing');
    assert.deepEqual(await database('personas').where('session_id', id), []);
    assert.equal((await database('cards').where('session_id', id)).length, 1);
    const onboarded = () => database('users').where('id', userId).first('onboarded_at');
    assert.deepEqual(await onboarded(), { onboarded_at: null });

    await database('cards').where('session_id', id).delete();
    assert.equal(await executions.complete(lease, { ...result, reflection }), true);
    assert.deepEqual(await onboarded(), { onboarded_at: result.completedAt });
    const saved = (await sessions.find(userId, id))?.finished;
    assert.deepEqual(saved?.cards.empathy.cards, result.empathy.cards);
    assert.deepEqual(saved?.cards.reflection.cards, reflection.cards);
    assert.deepEqual(saved?.persona, result.persona);
  });

  test('a session whose executors keep dying fails after five, with a reason', async () => {
    const { id, userId } = await acceptSession();
    let last = await claim(id, LAPSED_MS);
    for (let attempt = 2; attempt <= 5; attempt++) {
      assert.deepEqual((await executions.failExhausted(5)).includes(id), false);
      last = await claim(id, LAPSED_MS);
      assert.equal(last.attempt, attempt);
    }
    assert.ok((await executions.failExhausted(5)).includes(id));
    const snapshot = await sessions.find(userId, id);
    assert.equal(snapshot?.status, 'failed');
    assert.equal(snapshot?.failureReason, 'attempts_exhausted');
    assert.equal(await executions.checkpoint(last.lease, { name: 'persona', durationMs: 1 }, {}), false);
  });

  test('what lies forgotten is taken by one of those who look', async () => {
    const { id } = await acceptSession();
    const looks = await Promise.all([1, 2, 3].map(() => executions.takeForgotten(1_000, 0)));
    const taken = looks.flat().filter((session) => session.id === id);
    assert.ok(taken.length >= 1);
    assert.equal(taken[0]?.kind, 'queued');
    assert.deepEqual(
      (await executions.takeForgotten(1_000, 3_600)).filter((session) => session.id === id),
      [],
    );
  });
});

describe('executor', () => {
  function executorWith(held: ReturnType<typeof createHeldWriter>) {
    const now = () => new Date();
    const sources = createCorpusRepository(database);
    return createExecutor({
      executions,
      sessions,
      bus: createLocalBus(),
      graph: createSessionGraph({ sessions, executions, sources, writer: held.writer, now }),
      recordStep: createStepRecorder({ metric: { name: 'test.execution.step', description: 'test' } }),
      metrics: createSessionMetrics(),
      log: createLogger('silent'),
      owner: 'test',
      timeoutMs: 60_000,
      now,
    });
  }

  test('goes on where another one stopped: what was written is not written again', async () => {
    const { id, userId } = await acceptSession();
    const held = createHeldWriter();
    const first = executorWith(held);
    const run = first.execute(id);
    await held.until(() => held.calls.length === 3);
    held.release('persona');
    while ((await sessions.steps(id)).every(({ name }) => name !== 'persona'))
      await sessions.find(userId, id);
    first.stop();
    await run;
    assert.equal(await statusOf(id), 'queued');
    assert.deepEqual(held.aborted.toSorted(), ['empathy', 'reflection']);

    held.releaseAll();
    await executorWith(held).execute(id);
    assert.equal(await statusOf(id), 'completed');
    assert.deepEqual(held.calls.toSorted(), ['empathy', 'empathy', 'persona', 'reflection', 'reflection']);
    assert.equal((await database('personas').where('session_id', id)).length, 1);

    // The time that its words may take is one for all parts of a run, and begins anew with the run.
    const [before = 0, after = 0, ...others] = new Set(held.startedAt);
    assert.deepEqual(others, []);
    assert.ok(before < after);
    assert.deepEqual(held.startedAt, [before, before, before, after, after]);
  });

  test('a part that was degraded is told as itself, and makes the session degraded also when another takes over', async () => {
    const { id, userId } = await acceptSession();
    const held = createHeldWriter();
    held.degraded.add('persona');
    const first = executorWith(held);
    const run = first.execute(id);
    await held.until(() => held.calls.length === 3);
    held.release('persona');
    while ((await sessions.steps(id)).every(({ name }) => name !== 'persona'))
      await sessions.find(userId, id);
    first.stop();
    await run;

    held.degraded.clear();
    held.releaseAll();
    await executorWith(held).execute(id);
    const { finished } = (await sessions.find(userId, id)) ?? {};
    assert.equal(finished?.degraded, true);
    assert.equal(held.calls.filter((part) => part === 'persona').length, 1);
    const told = sessionEvents(id, await sessions.steps(id), undefined);
    assert.deepEqual(told.find((event) => event.status === 'persona_created')?.data, finished?.persona);
    assert.deepEqual(told.find((event) => event.status === 'cards_created')?.data, finished?.cards);
  });

  test('does nothing for a session that is finished, gone, or in other hands', async () => {
    const held = createHeldWriter();
    held.releaseAll();
    const { id } = await acceptSession();
    const executor = executorWith(held);
    await executor.execute(id);
    await executor.execute(id);
    await executor.execute(uuidv7());
    const other = await acceptSession();
    await claim(other.id, 60_000);
    await executor.execute(other.id);
    assert.equal(held.calls.length, 3);
  });
});

test('a reader that does not read holds a bounded number of messages, and still gets every event', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const { id, userId } = await acceptSession();
  const bus = createLocalBus();
  const feed = createFeed({ sessions, bus, log: createLogger('silent') });
  const follower = await feed.follow(userId, id);
  const { signal } = new AbortController();
  const events = follower.events({ after: 0, signal });
  assert.equal((await events.next()).value?.status, 'starting');

  const published: WeakRef<BusMessage>[] = [];
  for (let n = 0; n < 1_000; n++) {
    const message: BusMessage = { kind: 'progress' };
    published.push(new WeakRef(message));
    bus.publish(id, message);
  }
  // A turn of the event loop ends the strong hold that a WeakRef has on its target when it is made or read. More than
  // one: compiled code may hold some for longer.
  let alive = published.length;
  for (let turn = 0; turn < 20 && alive > 40; turn++) {
    await new Promise((next) => setImmediate(next));
    collectGarbage();
    alive = published.filter((ref) => ref.deref() !== undefined).length;
  }
  assert.ok(alive <= 40, `${alive} messages are held`);

  const { lease } = await claim(id, 60_000);
  await executions.fail(lease, 'timeout');
  bus.publish(id, { kind: 'changed' });
  const rest = await Array.fromAsync(events);
  assert.deepEqual(
    rest.map(({ seq, status }) => [seq, status]),
    [[2, 'failed']],
  );
});

test('a reader that does not read holds the latest delta of each step, and none once the step is told', async () => {
  const { id, userId } = await acceptSession();
  const bus = createLocalBus();
  const feed = createFeed({ sessions, bus, log: createLogger('silent') });
  const follower = await feed.follow(userId, id);
  const events = follower.events({ after: 0, deltas: true, signal: new AbortController().signal });
  assert.equal((await events.next()).value?.status, 'starting');
  const tell = (step: string, n: number) =>
    bus.publish(deltasOf(id), {
      kind: 'delta',
      delta: { status: 'delta', step, session_id: id, data: { n } },
    });
  for (let n = 0; n <= 1_000; n++) for (const step of ['persona', 'empathy', 'reflection']) tell(step, n);

  const { lease } = await claim(id, 60_000);
  const part = { depth: 'surface' };
  await executions.checkpoint(lease, { name: 'persona', durationMs: 1 }, { part, degraded: false });
  bus.publish(id, { kind: 'changed' });
  const told: unknown[] = [];
  const take = async () => {
    const event = (await events.next()).value;
    told.push(event?.status === 'delta' ? [event.step, event.data] : event?.status);
  };
  for (let n = 0; n < 4; n++) await take();
  tell('persona', 1_001);
  await executions.fail(lease, 'timeout');
  bus.publish(id, { kind: 'changed' });
  await take();
  assert.deepEqual(told, [
    ['persona', { n: 1_000 }],
    ['empathy', { n: 1_000 }],
    ['reflection', { n: 1_000 }],
    'persona_created',
    'failed',
  ]);
});
