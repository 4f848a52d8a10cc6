import assert from 'node:assert/strict';
import { test } from 'node:test';
import supertest from 'supertest';
import { createTestDatabase } from '../support/database.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { SESSIONS } from '../support/paths.ts';
import { startProcess } from '../support/process.ts';

/** Kinds of spans, by the OTLP protocol. */
const [SERVER, PRODUCER, CONSUMER] = [2, 4, 5];

test('one POST is one trace: server span, queue, a span for each step, and the queries under their steps', async () => {
  await using receiver = await startOtlpReceiver();
  const database = await createTestDatabase();
  await using service = await startProcess({
    env: { DATABASE_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url },
  });
  await service.ready;
  const agent = supertest.agent(service.url);
  await agent.post('/auth/guest').expect(201);
  const marker = '비밀표식';
  const { headers } = await agent
    .post(SESSIONS)
    .send({ selected_tag_id: 2, user_context: `${marker} 지쳤어요` })
    .expect(201);
  // Stopping flushes what is buffered.
  service.child.kill('SIGTERM');
  assert.equal(await service.exited, 0);
  await database.drop();

  const trace = receiver.spans.filter(({ traceId }) => traceId === headers['x-trace-id']);
  const named = (name: string) => {
    const found = trace.filter((span) => span.name === name);
    assert.equal(found.length, 1, `${name} once among ${trace.map((span) => span.name).join(', ')}`);
    return found[0] as (typeof trace)[0];
  };
  const childrenOf = (spanId: string) => trace.filter(({ parentSpanId }) => parentSpanId === spanId);

  const root = named(`POST ${SESSIONS}`);
  assert.equal(root.kind, SERVER);
  assert.equal(root.parentSpanId, '');
  assert.equal(root.attributes['http.route'], SESSIONS);
  assert.equal(root.attributes['http.response.status_code'], 201);
  assert.equal(trace.filter(({ kind }) => kind === SERVER).length, 1);

  const producer = named('send sessions');
  assert.equal(producer.kind, PRODUCER);
  assert.equal(producer.parentSpanId, root.spanId);
  const consumer = named('process sessions');
  assert.equal(consumer.kind, CONSUMER);
  assert.equal(consumer.parentSpanId, producer.spanId);

  for (const step of ['context', 'sources', 'persona', 'empathy', 'reflection', 'save']) {
    assert.equal(named(step).parentSpanId, consumer.spanId, step);
    assert.ok(named(step).attributes['meari.session.id'], step);
  }
  const queriesUnder = (step: string) =>
    childrenOf(named(step).spanId).filter(({ name }) => name.startsWith('pg.query')).length;
  assert.equal(queriesUnder('context'), 1);
  assert.equal(queriesUnder('sources'), 3);
  assert.ok(queriesUnder('save') >= 4);
  assert.equal(queriesUnder('persona'), 0);

  const ids = new Set(trace.map(({ spanId }) => spanId));
  for (const span of trace)
    assert.ok(span.parentSpanId === '' || ids.has(span.parentSpanId), `${span.name} hangs`);
  assert.ok(!JSON.stringify(receiver.spans).includes(marker), 'no user text in a span');
});
