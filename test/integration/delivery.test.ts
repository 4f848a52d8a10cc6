import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { finishedSessionSchema } from '../../src/domain/session.ts';
import { acceptedSessionSchema, sessionStatusSchema } from '../../src/http/session-schemas.ts';
import { streamLineSchema } from '../../src/http/stream-schemas.ts';
import { eventually } from '../support/eventually.ts';
import { createHeldWriter } from '../support/held-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { openStream } from '../support/stream-client.ts';

const BODY = { selected_tag_id: 2, user_context: '매일 야근해요' };

/** A service whose writer waits for the test, and a guest who talks to it by `fetch`. */
async function start(env: Record<string, string> = {}) {
  const held = createHeldWriter();
  const service = await startTestService(env, { writer: held.writer });
  const cookie = await newCookie(service);
  const post = (headers: Record<string, string> = {}, body: object = BODY, as = cookie) =>
    openStream(service.url + SESSIONS, {
      method: 'POST',
      headers: { Cookie: as, 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${service.url}${SESSIONS}/${path}`, { headers: { Cookie: cookie, ...headers } });
  const follow = (path: string, headers: Record<string, string> = {}) =>
    openStream(`${service.url}${SESSIONS}/${path}`, { headers: { Cookie: cookie, ...headers } });
  return {
    held,
    service,
    cookie,
    post,
    get,
    follow,
    async [Symbol.asyncDispose]() {
      held.releaseAll();
      await service[Symbol.asyncDispose]();
    },
  };
}

async function newCookie(service: TestService): Promise<string> {
  const response = await fetch(`${service.url}/auth/guest`, { method: 'POST' });
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

const NDJSON = { Accept: 'application/x-ndjson' };
const SSE = { Accept: 'text/event-stream' };
const ASYNC = { Prefer: 'respond-async' };

describe('delivery', () => {
  test('sync: waits no longer than asked, answers 202, and the work goes on', async () => {
    await using api = await start();
    const { response } = await api.post({ Prefer: 'wait=0' });
    assert.equal(response.status, 202);
    assert.equal(response.headers.get('Preference-Applied'), 'wait=0');
    const accepted = acceptedSessionSchema.parse(await response.json());
    assert.equal(response.headers.get('Location'), `${SESSIONS}/${accepted.session_id}`);
    assert.ok(Number(response.headers.get('Retry-After')) >= 1);
    assert.equal(accepted.message, '세션 생성 중입니다. 잠시 후 다시 확인해주세요.');

    const unfinished = sessionStatusSchema.parse(await (await api.get(accepted.session_id)).json());
    assert.ok(['queued', 'processing'].includes(unfinished.status));
    api.held.releaseAll();
    const finished = await eventually(async () => {
      const body = await (await api.get(accepted.session_id)).json();
      return (body as { status: string }).status === 'success' ? body : undefined;
    });
    finishedSessionSchema.parse(finished);
  });

  test('sync: a wait longer than the service allows is cut to it', async () => {
    await using api = await start({ SESSION_SYNC_WAIT_MS: '50' });
    const { response } = await api.post({ Prefer: 'wait=3600' });
    assert.equal(response.status, 202);
    assert.equal(response.headers.get('Preference-Applied'), 'wait=0.05');
  });

  test('background: 202 at once', async () => {
    await using api = await start();
    const { response } = await api.post(ASYNC);
    assert.equal(response.status, 202);
    assert.equal(response.headers.get('Preference-Applied'), 'respond-async');
    acceptedSessionSchema.parse(await response.json());
  });

  test('background: the help lines come with the 202', async () => {
    await using api = await start();
    const { response } = await api.post(ASYNC, { selected_tag_id: 6, user_context: '사라지고 싶어요' });
    const { crisis_support } = acceptedSessionSchema.parse(await response.json());
    assert.equal(crisis_support?.contacts[0]?.phone, '109');
    const stream = await api.post(NDJSON, { selected_tag_id: 6, user_context: '사라지고 싶어요' });
    assert.equal((await stream.next())?.crisis_support.contacts[0].phone, '109');
    stream.leave();
  });

  for (const [format, headers, type] of [
    ['NDJSON', NDJSON, 'application/x-ndjson; charset=utf-8'],
    ['SSE', SSE, 'text/event-stream; charset=utf-8'],
  ] as const) {
    test(`${format}: each event as it happens, in the order in which the parts finish`, async () => {
      await using api = await start();
      const stream = await api.post(headers);
      assert.equal(stream.response.status, 201);
      assert.equal(stream.response.headers.get('Content-Type'), type);
      const starting = await stream.next();
      assert.equal(starting?.status, 'starting');
      assert.ok(starting?.estimated_seconds >= 1);

      await api.held.until(() => api.held.calls.length === 3);
      api.held.release('reflection');
      assert.equal((await stream.next())?.status, 'reflection_created');
      api.held.release('persona');
      assert.equal((await stream.next())?.status, 'persona_created');
      api.held.release('empathy');
      assert.equal((await stream.next())?.status, 'empathy_created');
      const cards = await stream.next();
      assert.equal(cards?.status, 'cards_created');
      const [completed, ...more] = await stream.rest();
      assert.deepEqual(more, []);
      assert.equal(completed?.status, 'completed');
      assert.equal(completed?.seq, 6);
      assert.equal(completed?.session_id, starting?.session_id);
      for (const line of [starting, cards, completed]) streamLineSchema.parse(line);
      const session = finishedSessionSchema.parse(completed?.data);
      assert.deepEqual(cards?.data, session.cards);

      const replay = await (await api.follow(`${session.session_id}/events`, headers)).rest();
      assert.deepEqual(
        replay.map(({ seq, status }) => [seq, status]),
        [
          [1, 'starting'],
          [2, 'reflection_created'],
          [3, 'persona_created'],
          [4, 'empathy_created'],
          [5, 'cards_created'],
          [6, 'completed'],
        ],
      );
      assert.deepEqual(replay.at(-1), completed);
    });
  }

  test('a reader who comes back misses nothing and is told nothing twice', async () => {
    await using api = await start();
    const stream = await api.post(NDJSON);
    const { session_id: id } = (await stream.next()) ?? {};
    await api.held.until(() => api.held.calls.length === 3);
    api.held.release('persona');
    assert.equal((await stream.next())?.seq, 2);
    stream.leave();

    const again = await api.follow(`${id}/events?after=2`, NDJSON);
    api.held.release('empathy');
    assert.equal((await again.next())?.seq, 3);
    again.leave();

    const last = await api.follow(`${id}/events`, { ...SSE, 'Last-Event-ID': '3' });
    api.held.release('reflection');
    assert.deepEqual(
      (await last.rest()).map(({ seq }) => seq),
      [4, 5, 6],
    );
    assert.deepEqual(await (await api.follow(`${id}/events?after=6`, NDJSON)).rest(), []);
  });

  test('a client that leaves neither stops the work nor leaves anything behind', async () => {
    await using api = await start();
    const stream = await api.post(NDJSON);
    const { session_id: id } = (await stream.next()) ?? {};
    const controller = new AbortController();
    const waiting = fetch(`${api.service.url}${SESSIONS}/${id}/status`, {
      headers: { Cookie: api.cookie, Prefer: 'wait=50' },
      signal: controller.signal,
    });
    controller.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    stream.leave();
    api.held.releaseAll();
    await eventually(async () => {
      const body = (await (await api.get(String(id))).json()) as { status: string };
      return body.status === 'success' ? true : undefined;
    });
    await eventually(async () => {
      const metrics = await (await fetch(`${api.service.opsUrl}/metrics`)).text();
      return /meari_session_streams_open\{format="ndjson"[^}]*\} 0\n/.test(metrics) ? true : undefined;
    });
  });

  test('DELETE stops what runs, and ends every stream', async () => {
    await using api = await start();
    const stream = await api.post(NDJSON);
    const { session_id: id } = (await stream.next()) ?? {};
    await api.held.until(() => api.held.calls.length === 3);
    const deleted = await fetch(`${api.service.url}${SESSIONS}/${id}`, {
      method: 'DELETE',
      headers: { Cookie: api.cookie },
    });
    assert.equal(deleted.status, 204);
    await api.held.until(() => api.held.aborted.length === 3);
    const [last] = await stream.rest();
    assert.equal(last?.status, 'failed');
    assert.equal(last?.error.error_code, 'NOT_FOUND');
    assert.equal((await api.get(String(id))).status, 404);
    const rows = await api.service.container.database('session_steps').where('session_id', id);
    assert.deepEqual(rows, []);
  });

  test('status long-polls until something changes', async () => {
    await using api = await start();
    const { session_id: id } = (await (await api.post(ASYNC)).response.json()) as { session_id: string };
    await api.held.until(() => api.held.calls.length === 3);
    const { progress } = sessionStatusSchema.parse(await (await api.get(`${id}/status`)).json());
    assert.deepEqual(
      progress.steps.map(({ status }) => status),
      ['completed', 'completed', 'running', 'running', 'running', 'pending'],
    );
    // The poll follows the session before it reads it: once it reads, no change can be missed.
    const reading = new Promise<void>((resolve) => {
      api.service.container.database.on('query', ({ sql }) => sql.includes('personas') && resolve());
    });
    const polling = api.get(`${id}/status`, { Prefer: 'wait=30' });
    await reading;
    api.held.release('persona');
    const changed = await polling;
    assert.equal(changed.headers.get('Preference-Applied'), 'wait=30');
    const tag = changed.headers.get('ETag') ?? '';
    const body = sessionStatusSchema.parse(await changed.json());
    assert.ok(body.progress.completed_steps >= 2);
    // A client that knows less than there is to tell does not wait; one that knows all of it, in vain, gets a 304.
    const behind = await api.get(`${id}/status`, { Prefer: 'wait=30', 'If-None-Match': '"queued-0"' });
    assert.equal(behind.status, 200);
    const latest = behind.headers.get('ETag') ?? tag;
    assert.equal((await api.get(`${id}/status`, { Prefer: 'wait=0', 'If-None-Match': latest })).status, 304);

    api.held.releaseAll();
    const done = await eventually(async () => {
      const polled = sessionStatusSchema.parse(
        await (await api.get(`${id}/status`, { Prefer: 'wait=30' })).json(),
      );
      return polled.status === 'completed' ? polled : undefined;
    });
    assert.equal(done.estimated_seconds, 0);
  });

  test('an unknown session is a 404 for every reader, before a stream begins', async () => {
    await using api = await start();
    const unknown = '01890000-0000-7000-8000-000000000000';
    for (const path of [`${unknown}/events`, `${unknown}/status`, unknown]) {
      assert.equal((await api.get(path, NDJSON)).status, 404);
    }
    assert.equal((await api.get(`${unknown}/events?after=-1`)).status, 400);
    assert.equal((await api.get(`${unknown}/events`, { 'Last-Event-ID': 'x' })).status, 400);
  });

  test('a writer that fails for good ends a stream with the error', async () => {
    const writer = { ...createHeldWriter().writer, persona: () => Promise.reject(new Error('no words')) };
    await using service = await startTestService({}, { writer });
    const cookie = await newCookie(service);
    const stream = await openStream(service.url + SESSIONS, {
      method: 'POST',
      headers: { Cookie: cookie, 'Content-Type': 'application/json', ...NDJSON },
      body: JSON.stringify({ selected_tag_id: 6, user_context: '사라지고 싶어요' }),
    });
    const lines = await stream.rest();
    assert.deepEqual(
      lines.map(({ seq, status }) => [seq, status]),
      [
        [1, 'starting'],
        [2, 'failed'],
      ],
    );
    assert.equal(lines[1]?.error.error_code, 'INTERNAL');
    assert.equal(lines[1]?.error.crisis_support.contacts[0].phone, '109');
    assert.match(lines[1]?.error.message, /[가-힣]/);
  });
});

describe('Idempotency-Key', () => {
  test('two simultaneous requests with one key are one session', async () => {
    await using api = await start();
    const key = { 'Idempotency-Key': 'together' };
    const both = Promise.all([api.post(key), api.post(key)]);
    await api.held.until(() => api.held.calls.length === 3);
    api.held.releaseAll();
    const bodies = await Promise.all((await both).map(({ response }) => response.json()));
    assert.deepEqual(bodies[0], bodies[1]);
    assert.deepEqual(
      (await both).map(({ response }) => response.headers.get('Idempotency-Replayed')).sort(),
      [null, 'true'].sort(),
    );
    assert.equal(api.held.calls.length, 3);
    const { count } = (await api.service.container.database('meari_sessions').count().first()) ?? {};
    assert.equal(Number(count), 1);
  });

  test('works with every delivery: a replay follows the session that is under way', async () => {
    await using api = await start();
    const key = { 'Idempotency-Key': 'mixed' };
    const { response } = await api.post({ ...key, ...ASYNC });
    const { session_id } = (await response.json()) as { session_id: string };
    const stream = await api.post({ ...key, ...NDJSON });
    assert.equal(stream.response.headers.get('Idempotency-Replayed'), 'true');
    assert.equal((await stream.next())?.session_id, session_id);
    const refused = await api.post({ ...key, ...NDJSON }, { selected_tag_id: 3 });
    assert.equal(refused.response.status, 422);
    api.held.releaseAll();
    assert.equal((await stream.rest()).at(-1)?.status, 'completed');
  });
});

describe('overload', () => {
  let api: Awaited<ReturnType<typeof start>>;
  before(async () => {
    api = await start({ SESSION_CONCURRENCY: '1', SESSION_QUEUE_LIMIT: '4' });
  });
  after(() => api[Symbol.asyncDispose]());

  test('a user has at most three unfinished sessions, also when they ask at the same moment', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => api.post(ASYNC)));
    const statuses = answers.map(({ response }) => response.status).sort();
    assert.deepEqual(statuses, [202, 202, 202, 429, 429, 429, 429, 429]);
    const refused = answers.find(({ response }) => response.status === 429);
    assert.ok(Number(refused?.response.headers.get('Retry-After')) > 0);
    const body = (await refused?.response.json()) as { error_code: string } | undefined;
    assert.equal(body?.error_code, 'RATE_LIMITED');
  });

  test('a full queue is a 503 that says when to come back; a replay is not refused', async () => {
    const other = await newCookie(api.service);
    const key = { ...ASYNC, 'Idempotency-Key': 'kept' };
    assert.equal((await api.post(key, BODY, other)).response.status, 202);
    await eventually(async () => {
      const third = await newCookie(api.service);
      const { response } = await api.post(ASYNC, BODY, third);
      if (response.status !== 503) return undefined;
      assert.ok(Number(response.headers.get('Retry-After')) > 0);
      assert.equal(((await response.json()) as { error_code: string }).error_code, 'UNAVAILABLE');
      return true;
    });
    assert.equal((await api.post(key, BODY, other)).response.headers.get('Idempotency-Replayed'), 'true');
  });

  test('status tells the place in the queue', async () => {
    const rows = await api.service.container
      .database('meari_sessions')
      .where('status', 'queued')
      .orderBy('id');
    const mine = await api.service.container.database('meari_sessions').distinct('user_id').pluck('user_id');
    assert.ok(mine.length > 1);
    const [first] = rows;
    const body = sessionStatusSchema.parse(await (await api.get(`${first.id}/status`)).json());
    assert.equal(body.status, 'queued');
    assert.equal(body.queue_position, 0);
    api.held.releaseAll();
    await eventually(async () => {
      const left = await api.service.container
        .database('meari_sessions')
        .whereNot('status', 'completed')
        .count()
        .first();
      return Number(left?.count) === 0 ? true : undefined;
    });
  });
});
