import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { createHeldWriter } from '../support/held-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';

/** Seconds by which the test makes the waiting session older than it is. */
const OLDER = 1_000;

describe('what alerts ask for at /metrics', () => {
  const held = createHeldWriter();
  let service: TestService;
  before(async () => {
    service = await startTestService(
      { SESSION_CONCURRENCY: '1', SESSION_QUEUE_LIMIT: '7' },
      { writer: held.writer },
    );
  });
  after(async () => {
    held.releaseAll();
    await service[Symbol.asyncDispose]();
  });

  /** @throws {AssertionError} when there is no such series. */
  async function read(series: string): Promise<number> {
    const text = await (await fetch(`${service.opsUrl}/metrics`)).text();
    const [name, labels = ''] = series.split(/[{}]/);
    const line = text.split('\n').find((one) => one.startsWith(`${name}{`) && one.includes(labels));
    assert.ok(line, `no ${series} in\n${text}`);
    return Number(line.split(' ').at(-1));
  }

  test('the age of the oldest session that runs, and of the oldest that waits', async () => {
    assert.equal(await read('meari_session_oldest_age_seconds{status="queued"}'), 0);
    assert.equal(await read('meari_session_oldest_age_seconds{status="processing"}'), 0);
    const guest = await service.guest();
    const create = async (user_context: string): Promise<string> =>
      (
        await guest
          .post(SESSIONS)
          .set('Prefer', 'respond-async')
          .send({ selected_tag_id: 3, user_context })
          .expect(202)
      ).body.session_id;
    const running = await create('면접이 두려워요');
    await held.until(() => held.calls.length > 0);
    const waiting = await create('면접에서 또 떨어졌어요');
    await create('이력서를 쓸 힘이 없어요');
    const { database } = service.container;
    const age = (id: string, seconds: number) =>
      database('meari_sessions')
        .where({ id })
        .update({ created_at: database.raw(`created_at - ? * interval '1 second'`, [seconds]) });
    await age(running, 3 * OLDER);
    await age(waiting, OLDER);

    // One reading of the load serves all who ask for it at the same moment.
    const queued = await eventually(async () => {
      const seconds = await read('meari_session_oldest_age_seconds{status="queued"}');
      return seconds >= OLDER ? seconds : undefined;
    });
    assert.ok(queued < 2 * OLDER, `${queued} s`);
    const processing = await read('meari_session_oldest_age_seconds{status="processing"}');
    assert.ok(processing >= 3 * OLDER && processing < 4 * OLDER, `${processing} s`);
  });

  test('what may wait, and how many run at once', async () => {
    assert.equal(await read('meari_session_queue_limit'), 7);
    assert.equal(await read('meari_session_slots'), 1);
  });

  test('memory and its limits', async () => {
    const rss = await read('process_memory_usage_bytes');
    assert.ok(rss > 10_000_000 && rss <= (await read('meari_process_memory_limit_bytes')));
    const heap = await read('meari_process_heap_used_bytes');
    assert.ok(heap > 1_000_000 && heap <= (await read('meari_process_heap_limit_bytes')));
  });

  test('counters are there before their first event', async () => {
    for (const series of [
      'meari_session_recoveries_total{kind="abandoned"}',
      'meari_session_recoveries_total{kind="queued"}',
      'meari_session_executions_total{outcome="failed"}',
      'meari_session_queue_fallbacks_total',
      'meari_session_leases_lost_total',
      'db_client_connection_timeouts_total',
      'meari_database_statements_cancelled_total',
    ]) {
      assert.equal(await read(series), 0, series);
    }
  });
});
