import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectDatabase } from '../../src/store/database.ts';
import { createTestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { SESSIONS } from '../support/paths.ts';
import { startProcess } from '../support/process.ts';
import { openStream } from '../support/stream-client.ts';

const GUESTS = 80;

/** How one request ended, as its client saw it. */
interface Answer {
  readonly id: string | undefined;
  readonly kind: 'finished' | 'accepted' | 'reconnect' | 'refused';
}

test('SIGTERM under load: every request gets an answer, and nothing that was accepted is lost', async () => {
  const database = await createTestDatabase();
  // One session at a time, so that most of them are waiting or running when the signal comes.
  const env = { DATABASE_URL: database.url, SESSION_CONCURRENCY: '1', LOG_LEVEL: 'warn' };
  await using service = await startProcess({ env });
  await service.ready;
  const cookies = await Promise.all(
    Array.from({ length: GUESTS }, async () => {
      const response = await fetch(`${service.url}/auth/guest`, { method: 'POST' });
      return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    }),
  );

  const ask = async (cookie: string, headers: Record<string, string>): Promise<Answer> => {
    const init = {
      method: 'POST',
      headers: { Cookie: cookie, 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ selected_tag_id: 2 }),
    };
    // A connection that was not taken any more: nothing was accepted.
    const stream = await openStream(service.url + SESSIONS, init).catch(() => undefined);
    if (!stream) return { id: undefined, kind: 'refused' };
    if (!headers.Accept) {
      const { session_id } = (await stream.response.json()) as { session_id: string };
      assert.ok([201, 202].includes(stream.response.status), `status ${stream.response.status}`);
      return { id: session_id, kind: stream.response.status === 201 ? 'finished' : 'accepted' };
    }
    const lines = await stream.rest();
    const last = lines.at(-1);
    assert.ok(last?.status === 'completed' || last?.status === 'reconnect', `last line: ${last?.status}`);
    return { id: last.session_id, kind: last.status === 'completed' ? 'finished' : 'reconnect' };
  };

  const finished = Promise.withResolvers<void>();
  const answers = cookies.flatMap((cookie) =>
    [{}, { Prefer: 'respond-async' }, { Accept: 'application/x-ndjson' }].map(async (headers) => {
      const answer = await ask(cookie, headers);
      if (answer.kind === 'finished') finished.resolve();
      return answer;
    }),
  );
  await finished.promise;
  service.child.kill('SIGTERM');
  const given = await Promise.all(answers);
  assert.equal(await service.exited, 0);

  const kinds = Object.groupBy(given, ({ kind }) => kind);
  console.log(Object.fromEntries(Object.entries(kinds).map(([kind, list]) => [kind, list.length])));
  assert.ok(kinds.accepted?.length && kinds.reconnect?.length, 'there was load when the signal came');

  const accepted = given.flatMap(({ id }) => (id === undefined ? [] : [id]));
  await using next = await startProcess({ env: { ...env, SESSION_CONCURRENCY: '16' } });
  await next.ready;
  const rows = connectDatabase({ url: database.url, poolMax: 2 });
  await eventually(async () => {
    const left = await rows('meari_sessions').whereNot('status', 'completed').count().first();
    return Number(left?.count) === 0 ? true : undefined;
  });
  const kept: string[] = await rows('meari_sessions').pluck('id');
  assert.deepEqual(
    accepted.filter((id) => !kept.includes(id)),
    [],
  );
  const { count } = (await rows('cards').count().first()) ?? {};
  assert.equal(Number(count), kept.length * 6);
  await rows.destroy();
  next.child.kill('SIGTERM');
  await next.exited;
  await database.drop();
});
