import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Writer } from '../../src/domain/ports.ts';
import { sessionStatusSchema } from '../../src/http/session-schemas.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService } from '../support/service.ts';

/** Milliseconds a part takes: the slow writer is what the test is about. */
const PART_MS = 400;
const GUESTS = 14;

function slowWriter(): Writer {
  const local = createLocalWriter();
  return {
    ...local,
    async empathy(brief, signal) {
      await delay(PART_MS, undefined, { signal });
      return local.empathy(brief, signal);
    },
  };
}

test('the estimate for the middle of a long queue is within a factor of two', async () => {
  await using service = await startTestService({ SESSION_CONCURRENCY: '3' }, { writer: slowWriter() });
  const guests = await Promise.all(Array.from({ length: GUESTS }, () => service.guest()));
  const [first] = guests;
  // What the estimate is made from.
  await first?.post(SESSIONS).send({ selected_tag_id: 2, user_context: '야근이 많아요' }).expect(201);

  const accepted: { id: string; guest: (typeof guests)[0] }[] = [];
  for (const guest of [...guests, ...guests, ...guests]) {
    const { body } = await guest
      .post(SESSIONS)
      .set('Prefer', 'respond-async')
      // Words of their own: without any, they would share one text.
      .send({ selected_tag_id: 3, user_context: `면접 ${accepted.length}번째예요` })
      .expect(202);
    accepted.push({ id: body.session_id, guest });
  }
  const middle = accepted[Math.floor(accepted.length / 2)];
  assert.ok(middle);
  const status = async (prefer: string) =>
    sessionStatusSchema.parse(
      (await middle.guest.get(`${SESSIONS}/${middle.id}/status`).set('Prefer', prefer)).body,
    );
  const asked = await status('');
  const askedAt = performance.now();
  assert.equal(asked.status, 'queued');
  assert.ok((asked.queue_position ?? 0) > 3);
  let now = asked;
  while (now.status !== 'completed') now = await status('wait=30');
  const tookSeconds = (performance.now() - askedAt) / 1000;
  const ratio = asked.estimated_seconds / tookSeconds;
  assert.ok(
    ratio > 0.5 && ratio < 2,
    `estimated ${asked.estimated_seconds} s, took ${tookSeconds.toFixed(1)} s`,
  );
});
