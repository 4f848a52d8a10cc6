import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import supertest from 'supertest';
import type { ProfileReport } from '../../src/profiling/cpu/model.ts';
import type { LiveSnapshot } from '../../src/profiling/live/live.ts';
import { asBuffer } from '../support/as-buffer.ts';
import { eventually } from '../support/eventually.ts';
import { createHeldWriter } from '../support/held-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';

const API = '/profiler/api';
const POST_SESSIONS = `POST ${SESSIONS}`;
const MARKER = '비밀표식';

async function snapshot(service: TestService): Promise<LiveSnapshot> {
  const { body } = await supertest(service.opsUrl).get(`${API}/live`).expect(200);
  return body;
}

describe('live', () => {
  test('shows what is under way with its steps, and what the application tells', async () => {
    const held = createHeldWriter();
    await using service = await startTestService({ DATABASE_POOL_MAX: '7' }, { writer: held.writer });
    const guest = await service.guest();
    const background = await guest
      .post(SESSIONS)
      .set('Prefer', 'respond-async')
      .send({ selected_tag_id: 2 })
      .expect(202);
    const waits = guest.post(SESSIONS).send({ selected_tag_id: 3, user_context: MARKER }).then();
    // Cut off when the test fails before its end.
    waits.catch(() => {});
    await held.until(() => held.calls.length === 6);
    held.release('persona');

    const { gauges, inFlight } = await eventually(async () => {
      const now = await snapshot(service);
      const steps = now.inFlight.oldest.map((one) =>
        one.steps
          .map(({ name }) => name)
          .sort()
          .join(),
      );
      // The load of the queue is read at most every 100 ms.
      const bothRun = now.gauges.queue?.running === 2;
      return bothRun && steps.filter((names) => names === 'empathy,reflection').length === 2
        ? now
        : undefined;
    });
    assert.deepEqual(
      inFlight.oldest.map(({ kind, route, answered }) => ({ kind, route, answered })),
      [
        { kind: 'request', route: POST_SESSIONS, answered: true },
        { kind: 'request', route: POST_SESSIONS, answered: false },
      ],
      'the session in the background and the one that is waited for, through the queue',
    );
    assert.deepEqual(inFlight.byRoute, { [POST_SESSIONS]: 2 });
    for (const { ageMs, traceId, steps } of inFlight.oldest) {
      assert.match(traceId ?? '', /^[0-9a-f]{32}$/);
      assert.ok(steps.every(({ elapsedMs }) => elapsedMs > 0 && elapsedMs <= ageMs));
    }
    assert.equal(gauges.pool?.max, 7);
    assert.ok((gauges.pool.free ?? Number.NaN) + (gauges.pool.used ?? Number.NaN) > 0);
    assert.ok(Number.isInteger(gauges.pool.waiting));
    assert.deepEqual(gauges.queue, { queued: 0, running: 2 });
    assert.deepEqual(gauges.streams, { open: 0 });

    held.releaseAll();
    await waits;
    await guest.get(`${SESSIONS}/${background.body.session_id}/status`).set('Prefer', 'wait=20').expect(200);
    await eventually(async () => ((await snapshot(service)).inFlight.count === 0 ? true : undefined));
  });

  test('reads the process once a second', async () => {
    await using service = await startTestService();
    const { readings, verdict, heapSpaces, pid } = await eventually(async () => {
      const now = await snapshot(service);
      if (now.readings.length > 0) return now;
      await delay(50);
      return undefined;
    });
    const [reading] = readings;
    assert.ok(reading);
    assert.equal(pid, process.pid);
    assert.notEqual(verdict.kind, 'unknown');
    assert.ok(reading.utilisation >= 0 && reading.utilisation <= 1);
    assert.ok(reading.loopDelay.p50 >= 0 && reading.loopDelay.max >= reading.loopDelay.p50);
    assert.ok(reading.cpu > 0 && reading.rssBytes > reading.heapUsedBytes && reading.heapUsedBytes > 0);
    assert.ok(heapSpaces.some(({ name, usedBytes }) => name === 'old_space' && usedBytes > 0));
    assert.deepEqual(Object.keys(reading.collections).sort(), ['incremental', 'major', 'minor', 'weak']);
  });

  test('counts collections of garbage by their kind', async () => {
    await using service = await startTestService();
    let garbage: unknown[] = [];
    const collections = await eventually(async () => {
      for (let round = 0; round < 50; round++) garbage = Array.from({ length: 10_000 }, () => ({ garbage }));
      garbage = [];
      const { readings } = await snapshot(service);
      return readings.find((reading) => reading.collections.minor.count > 0)?.collections;
    });
    assert.ok(collections.minor.ms > 0);
  });

  test('is complete without the database, but for what only that knows', async () => {
    await using service = await startTestService();
    await service.container.database.destroy();
    const { gauges } = await snapshot(service);
    assert.equal(gauges.queue, null);
    assert.deepEqual(gauges.streams, { open: 0 });
  });
});

describe('a profile of the service', () => {
  test('has the steps of the pipeline under the route that asked for them, and no word of the user', async () => {
    await using service = await startTestService();
    const ops = supertest(service.opsUrl);
    const guest = await service.guest();
    const { body } = await ops.post(`${API}/profiles?seconds=2`).expect(202);
    const path = `${API}/profiles/${body.profile.id}`;
    const report = await eventually(async (): Promise<ProfileReport | undefined> => {
      const words = { selected_tag_id: 2, user_context: `${MARKER} 지쳤어요 ${performance.now()}` };
      await guest.post(SESSIONS).send(words).expect(201);
      const answer = await ops.get(path);
      return answer.status === 200 ? answer.body : undefined;
    });
    const ofPipeline = report.sums.filter(({ route, step }) => route === POST_SESSIONS && step);
    const steps = ofPipeline.map(({ step }) => step);
    for (const step of ['empathy', 'reflection', 'save']) assert.ok(steps.includes(step), steps.join());
    assert.deepEqual(
      report.sums.flatMap(({ route }) => (route === undefined || route === POST_SESSIONS ? [] : [route])),
      [],
    );

    const { body: sessions } = await guest.get(`${SESSIONS}?limit=1`).expect(200);
    const secrets = [MARKER, '지쳤어요', sessions.sessions[0].session_id];
    const live = await snapshot(service);
    const file = await ops.get(`${path}.cpuprofile`).expect(200);
    const binary = await ops.get(`${path}.pb.gz`).buffer(true).parse(asBuffer).expect(200);
    const outputs = {
      report: JSON.stringify(report),
      live: JSON.stringify(live),
      cpuprofile: file.text,
      pprof: gunzipSync(binary.body).toString('utf8'),
      logs: service.logLines.join('').replaceAll(/"session_id":"[^"]*"/g, ''),
    };
    for (const [name, text] of Object.entries(outputs)) {
      assert.ok(text.length > 0, name);
      for (const secret of secrets) assert.ok(!text.includes(secret), `${name} has ${secret}`);
    }
  });
});

describe('the profiler API does not exist', () => {
  for (const env of [{ NODE_ENV: 'production' }, { OPS_HOST: '0.0.0.0' }]) {
    test(`with ${JSON.stringify(env)}`, async () => {
      await using service = await startTestService(env);
      await supertest(service.opsUrl).post(`${API}/profiles?seconds=1`).expect(404);
      await supertest(service.opsUrl).get(`${API}/live`).expect(404);
    });
  }
});
