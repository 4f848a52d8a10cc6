import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import supertest from 'supertest';
import { createTestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { SESSIONS } from '../support/paths.ts';
import { type ServiceProcess, startProcess } from '../support/process.ts';
import { startRedis } from '../support/redis.ts';

/** Kinds of spans, by the OTLP protocol. */
const [SERVER, PRODUCER, CONSUMER] = [2, 4, 5];
const MARKER = '비밀표식';

async function postSession(service: ServiceProcess): Promise<string> {
  const agent = supertest.agent(service.url);
  await agent.post('/auth/guest').expect(201);
  const answer = await agent
    .post(SESSIONS)
    .send({ selected_tag_id: 2, user_context: `${MARKER} 지쳤어요` })
    .expect(201);
  return answer.get('X-Trace-Id') ?? '';
}

/** Stopping a process sends the spans that it has buffered. */
async function stop(service: ServiceProcess): Promise<void> {
  service.child.kill('SIGTERM');
  assert.equal(await service.exited, 0);
}

/** The trace of one POST, checked as a tree: server span, queue, steps, and the queries under their steps. */
function checkTree(
  spans: readonly ReceivedSpan[],
  traceId: string,
  producerName: string,
  consumerName: string,
) {
  const trace = spans.filter((span) => span.traceId === traceId);
  const named = (name: string): ReceivedSpan => {
    const [found, ...more] = trace.filter((span) => span.name === name);
    assert.ok(found, `${name} among ${trace.map((span) => span.name).join(', ')}`);
    assert.deepEqual(more, [], `${name} once`);
    return found;
  };

  const root = named(`POST ${SESSIONS}`);
  assert.equal(root.kind, SERVER);
  assert.equal(root.parentSpanId, '');
  assert.equal(root.attributes['http.route'], SESSIONS);
  assert.equal(root.attributes['http.response.status_code'], 201);
  assert.equal(trace.filter(({ kind }) => kind === SERVER).length, 1);

  const producer = named(producerName);
  assert.equal(producer.kind, PRODUCER);
  assert.equal(producer.parentSpanId, root.spanId);
  const consumer = named(consumerName);
  assert.equal(consumer.kind, CONSUMER);
  assert.equal(consumer.parentSpanId, producer.spanId);

  const queries: Record<string, number> = {};
  for (const step of ['context', 'sources', 'persona', 'empathy', 'reflection', 'save']) {
    const { spanId, parentSpanId, attributes } = named(step);
    assert.equal(parentSpanId, consumer.spanId, step);
    assert.ok(attributes['meari.session.id'], step);
    queries[step] = trace.filter(
      (span) => span.parentSpanId === spanId && span.name.startsWith('pg.query'),
    ).length;
  }
  assert.deepEqual(
    { ...queries, save: 0 },
    { context: 1, sources: 3, persona: 0, empathy: 0, reflection: 0, save: 0 },
  );
  assert.ok((queries.save ?? 0) >= 4);

  const ids = new Set(trace.map(({ spanId }) => spanId));
  const hanging = trace.filter(({ parentSpanId }) => parentSpanId !== '' && !ids.has(parentSpanId));
  assert.deepEqual(hanging, []);
}

describe('one POST is one trace', () => {
  test('in one process', async () => {
    await using receiver = await startOtlpReceiver();
    const database = await createTestDatabase();
    const env = { DATABASE_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    await using service = await startProcess({ env });
    await service.ready;
    const traceId = await postSession(service);
    await stop(service);
    checkTree(receiver.spans, traceId, 'send sessions', 'process sessions');
    assert.ok(!JSON.stringify(receiver.spans).includes(MARKER), 'no user text in a span');
    await database.drop();
  });

  test('from the API through the queue to a worker', async () => {
    await using receiver = await startOtlpReceiver();
    await using redis = await startRedis();
    const database = await createTestDatabase();
    const env = {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    };
    await using api = await startProcess({ env: { ...env, ROLE: 'api' } });
    await using worker = await startProcess({ env: { ...env, ROLE: 'worker' } });
    await Promise.all([api.ready, worker.ready]);
    for (const { opsUrl } of [api, worker]) {
      await eventually(async () => {
        const { body } = await supertest(opsUrl).get('/readyz');
        return body.dependencies.redis === 'ok' ? true : undefined;
      });
    }
    const traceId = await postSession(api);
    const dashboard = await supertest(api.opsUrl).get('/jobs').redirects(1).expect(200);
    assert.match(dashboard.text, /Bull/);
    await Promise.all([stop(api), stop(worker)]);
    checkTree(receiver.spans, traceId, 'add meari-sessions.session', 'process meari-sessions');
    assert.ok(!JSON.stringify(receiver.spans).includes(MARKER), 'no user text in a span');
    await database.drop();
  });
});
