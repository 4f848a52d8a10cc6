import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Redis } from 'ioredis';
import supertest from 'supertest';
import { finishedSessionSchema } from '../../src/domain/session.ts';
import { PROMPT_VERSION } from '../../src/writing/llm/prompts/version.ts';
import { createTestDatabase } from '../support/database.ts';
import { type FakeModel, startFakeModel } from '../support/fake-model/fake-model.ts';
import { PROTOCOLS, type ProtocolName } from '../support/llm-writer.ts';
import { type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { SESSIONS } from '../support/paths.ts';
import { type ServiceProcess, startProcess } from '../support/process.ts';
import { startRedis } from '../support/redis.ts';
import { openStream } from '../support/stream-client.ts';

const CLIENT = 3;
const MARKER = '비밀표식';
const KEY = 'secret-key-of-the-test';

function llmEnv(model: FakeModel, protocol: ProtocolName): Record<string, string> {
  return {
    WRITER: 'llm',
    LLM_PROVIDER: protocol,
    LLM_BASE_URL: model.baseUrl(protocol),
    LLM_MODEL: 'gemini-2.5-flash',
    LLM_API_KEYS: KEY,
    LLM_PRICES: 'gemini-2.5-flash=0.30/2.50',
  };
}

async function guest(service: ServiceProcess) {
  const agent = supertest.agent(service.url);
  await agent.post('/auth/guest').expect(201);
  return agent;
}

function postSession(agent: Awaited<ReturnType<typeof guest>>, words: string) {
  return agent
    .post(SESSIONS)
    .send({ selected_tag_id: 2, user_context: `${MARKER} ${words}` })
    .expect(201);
}

async function stop(service: ServiceProcess): Promise<void> {
  service.child.kill('SIGTERM');
  assert.equal(await service.exited, 0);
}

describe('telemetry of the model', () => {
  for (const protocol of PROTOCOLS) {
    test(`${protocol}: spans and metrics by the GenAI conventions, and not a word of anybody`, async () => {
      await using receiver = await startOtlpReceiver();
      // Says of each request that it refuses what the request said.
      await using model = await startFakeModel({
        behave: ({ number }) =>
          number === 1 ? { kind: 'status', status: 503, retryAfterSeconds: 0 } : undefined,
      });
      const database = await createTestDatabase();
      await using service = await startProcess({
        env: {
          ...llmEnv(model, protocol),
          DATABASE_URL: database.url,
          LOG_LEVEL: 'trace',
          OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        },
      });
      await service.ready;
      const agent = await guest(service);
      const written = await postSession(agent, '지쳤어요');
      assert.equal(written.body.degraded, false);
      model.behave(({ part }) =>
        part === 'persona'
          ? { kind: 'says', text: `{"summary": "${MARKER} 답이에요"}` }
          : { kind: 'status', status: 400 },
      );
      const degraded = await postSession(agent, '더 지쳤어요');
      assert.equal(degraded.body.degraded, true);
      const metrics = await (await fetch(`${service.opsUrl}/metrics`)).text();
      await stop(service);
      await database.drop();
      assert.deepEqual(model.badRequests, []);

      checkSpans(receiver.spans, written.get('X-Trace-Id') ?? '', protocol);
      for (const name of [
        'gen_ai_client_operation_duration_seconds_bucket',
        'gen_ai_client_operation_time_to_first_chunk_seconds_bucket',
        'gen_ai_client_token_usage_bucket',
        'meari_llm_wait_duration_seconds_bucket',
      ]) {
        assert.ok(metrics.includes(name), name);
      }
      const family = (name: string) => metrics.split('\n').filter((line) => line.startsWith(name));
      assert.ok(family('meari_llm_cost').some((line) => / (?!0$)[\d.e-]+$/.test(line)));
      assert.ok(family('meari_llm_retries').some((line) => line.includes('why="unavailable"')));
      assert.ok(family('meari_llm_degraded').some((line) => line.includes('why="request_refused"')));
      assert.ok(family('meari_llm_degraded').some((line) => line.includes('why="invalid_answer"')));
      const provider = protocol === 'google' ? 'gcp.gemini' : 'openai';
      for (const [state, count] of Object.entries({ available: 1, resting: 0, open: 0 })) {
        const labels = [`provider="${provider}"`, `state="${state}"`];
        const keys = family('meari_llm_keys{').find((line) => labels.every((label) => line.includes(label)));
        assert.ok(keys?.endsWith(` ${count}`), keys ?? state);
      }
      assert.match(service.output(), /"code":"request_refused"/);

      // The user's words, the key, the prompt, the answer.
      const ownWords = written.body.persona.summary.slice(0, 20);
      for (const text of [MARKER, KEY, '메아리의', '사용자의_글', ownWords]) {
        assert.ok(!receiver.raw().includes(text), `${text} in a span`);
        assert.ok(!metrics.includes(text), `${text} in a metric`);
        assert.ok(!service.output().includes(text), `${text} in the log`);
      }
      assert.ok(model.calls.some(({ user }) => user.includes(MARKER)));
    });
  }
});

function checkSpans(spans: readonly ReceivedSpan[], traceId: string, protocol: ProtocolName): void {
  const trace = spans.filter((span) => span.traceId === traceId);
  const chats = trace.filter(({ name }) => name === 'chat gemini-2.5-flash');
  // Each of the three parts was refused once.
  assert.equal(chats.length, 6);
  const steps = new Map(trace.map(({ spanId, name }) => [spanId, name]));
  for (const { kind, attributes, parentSpanId, statusCode } of chats) {
    assert.equal(kind, CLIENT);
    assert.equal(steps.get(parentSpanId), attributes['meari.part']);
    assert.equal(attributes['gen_ai.operation.name'], 'chat');
    assert.equal(attributes['gen_ai.provider.name'], protocol === 'google' ? 'gcp.gemini' : 'openai');
    assert.equal(attributes['gen_ai.request.model'], 'gemini-2.5-flash');
    assert.equal(attributes['server.address'], '127.0.0.1');
    assert.equal(attributes['meari.prompt.version'], PROMPT_VERSION);
    if (attributes['meari.llm.attempt'] === 1) {
      assert.equal(attributes['error.type'], 'unavailable');
      assert.equal(statusCode, 2);
    } else {
      assert.ok(Number(attributes['gen_ai.usage.input_tokens']) > 100);
      assert.ok(Number(attributes['gen_ai.usage.output_tokens']) > 20);
      assert.ok(Number(attributes['gen_ai.response.time_to_first_chunk']) > 0);
      assert.ok(Number(attributes['meari.llm.cost']) > 0);
      assert.equal(statusCode, 0);
    }
  }
  // The wait for the limits is apart, and so is the request.
  assert.equal(trace.filter(({ name }) => name === 'llm.wait').length, 6);
  for (const { spanId } of chats) assert.ok(trace.some(({ parentSpanId }) => parentSpanId === spanId));
}

test('deltas cross processes: from a worker to an API process, when and only when somebody there wants them', async () => {
  await using redis = await startRedis();
  await using model = await startFakeModel({
    pace: { firstTokenMs: () => 50, tokensPerSecond: () => 200 },
  });
  const database = await createTestDatabase();
  const env = { ...llmEnv(model, 'google'), DATABASE_URL: database.url, REDIS_URL: redis.url };
  await using api = await startProcess({ env: { ...env, ROLE: 'api' } });
  await api.ready;
  await using worker = await startProcess({ env: { ...env, ROLE: 'worker' } });
  await worker.ready;

  const login = await fetch(`${api.url}/auth/guest`, { method: 'POST' });
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const headers = { Cookie: cookie, Accept: 'application/x-ndjson' };
  const post = (query: string, words: string) =>
    openStream(`${api.url}${SESSIONS}${query}`, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/json' },
      body: JSON.stringify({ selected_tag_id: 8, user_context: words }),
    });
  const published = await watchDeltas(redis.url);
  const unread = await (await post('', '아침까지 잠이 안 와요')).rest();
  assert.equal(unread.at(-1)?.status, 'completed');
  assert.equal(published.count(), 0);

  const plain = await post('', '밤새 잠이 안 와요');
  const id = (await plain.next())?.session_id;
  await model.until(() => model.calls.length === 6);
  const late = await openStream(`${api.url}${SESSIONS}/${id}/events?after=1&deltas=1`, { headers });
  assert.ok((await late.rest()).some(({ status }) => status === 'delta'));
  assert.ok((await plain.rest()).every(({ status }) => status !== 'delta'));
  assert.ok(published.count() > 0);
  published.close();

  const stream = await post('?deltas=1', '새벽까지 잠이 안 와요');
  const lines = await stream.rest();
  for (const step of ['persona', 'empathy', 'reflection']) {
    assert.ok(
      lines.some((line) => line.status === 'delta' && line.step === step),
      step,
    );
  }
  assert.equal(finishedSessionSchema.parse(lines.at(-1)?.data).degraded, false);
  await stop(api);
  await stop(worker);
  await database.drop();
});

/** Counts the deltas that processes tell each other. */
async function watchDeltas(url: string) {
  const redis = new Redis(url);
  const monitor = await redis.monitor();
  let count = 0;
  monitor.on('monitor', (_time: string, [command = '', channel = '']: string[]) => {
    if (command.toLowerCase() === 'publish' && channel.endsWith(':deltas')) count += 1;
  });
  return {
    count: () => count,
    close() {
      monitor.disconnect();
      redis.disconnect();
    },
  };
}
