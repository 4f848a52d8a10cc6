import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import supertest from 'supertest';
import { createTestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type Call, type Fault, startFakeModel } from '../support/fake-model/fake-model.ts';
import { type ReceivedSpan, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { SESSIONS } from '../support/paths.ts';
import { type ServiceProcess, startProcess } from '../support/process.ts';
import { startRedis } from '../support/redis.ts';
import { openStream } from '../support/stream-client.ts';
import { shapeOf } from '../support/trace-shape.ts';

/** What the service sends to Jaeger, for each way that a session can go. */

/** In all that a user writes here: it may be nowhere in what is sent. */
const MARKER = '비밀표식';
const BODY = { selected_tag_id: 2, user_context: `${MARKER} 지쳤어요` };
const MODEL = 'chat gemini-2.5-flash';

/** Resources that live for as long as the tests of one group, in one place. */
async function startWorld() {
  await using stack = new AsyncDisposableStack();
  const receiver = stack.use(await startOtlpReceiver());
  const model = stack.use(await startFakeModel());
  const database = await createTestDatabase();
  stack.defer(() => database.drop());
  const env = {
    DATABASE_URL: database.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_BSP_SCHEDULE_DELAY: '100',
    WRITER: 'llm',
    LLM_PROVIDER: 'google',
    LLM_MODEL: 'gemini-2.5-flash',
    LLM_API_KEYS: 'key-one,key-two',
    LLM_BASE_URL: model.baseUrl('google'),
  };
  const resources = stack.move();
  return {
    receiver,
    model,
    start: async (more: Record<string, string> = {}): Promise<ServiceProcess> => {
      const service = resources.use(await startProcess({ env: { ...env, ...more } }));
      await service.ready;
      return service;
    },
    redis: async () => resources.use(await startRedis()),
    close: () => resources.disposeAsync(),
  };
}

type World = Awaited<ReturnType<typeof startWorld>>;

async function guest({ url }: ServiceProcess): Promise<Record<string, string>> {
  const login = await fetch(`${url}/auth/guest`, { method: 'POST' });
  return {
    Cookie: login.headers.getSetCookie()[0]?.split(';')[0] ?? '',
    'Content-Type': 'application/json',
  };
}

/** A session of a new user. @returns the id of its trace. */
async function post(
  service: ServiceProcess,
  status: number,
  body: object = BODY,
  prefer = '',
): Promise<string> {
  const headers = { ...(await guest(service)), ...(prefer && { Prefer: prefer }) };
  const answer = await fetch(service.url + SESSIONS, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.equal(answer.status, status, await answer.text());
  return answer.headers.get('X-Trace-Id') ?? '';
}

/** Stopping a process sends the spans that it has buffered. */
async function stop(service: ServiceProcess): Promise<void> {
  service.child.kill('SIGTERM');
  assert.equal(await service.exited, 0);
}

const only =
  (part: string, fault: Fault, times = Number.POSITIVE_INFINITY) =>
  (call: Call): Fault | undefined =>
    call.part === part && call.number <= times ? fault : undefined;

/** The step of a part that the model writes at once. */
const WRITTEN = `
        ${MODEL} (client)
          POST (client)
        llm.wait`;

/** Leaves out which statements save the session: that there are some is enough here. */
function withoutSaving(shape: string): string {
  return shape.replace(/^( +)save\n(?:\1 {2}\w.* \(client\)\n)+/m, '$1save\n');
}

interface Run {
  readonly empathy?: string;
  readonly persona?: string;
  readonly reflection?: string;
  readonly sources?: string;
}

/** A run of a session in one process: a step's cards in this order, the statements below the step that makes them. */
function runShape({
  empathy = WRITTEN,
  persona = WRITTEN,
  reflection = WRITTEN,
  sources = ` · cache.lookup sources l1`,
}: Run): string {
  return `process meari-sessions (consumer) · meari.session.claimed 1 · meari.session.completed 1
      SELECT cards (client)
      SELECT meari_sessions (client)
      UPDATE meari_sessions (client)
      checkpoint
        INSERT session_steps (client)
      context
        SELECT meari_sessions (client)
      empathy${empathy}
      persona${persona}
      reflection${reflection}
      save
      sources${sources}`;
}

const COLD = ` · cache.lookup sources miss
        SELECT insights (client)
        SELECT policies (client)
        SELECT voices (client)`;

/** A request that waits for its session. */
function syncShape(run: Run): string {
  return `POST ${SESSIONS} (server) · cache.lookup logins miss · meari.session.accepted
  BEGIN (client)
  COMMIT (client)
  INSERT meari_sessions (client)
  SELECT login_sessions (client)
  SELECT session_steps (client)
  SELECT users (client)
  send meari-sessions (producer)
    ${runShape(run)}`;
}

describe('the trace of a session in one process', () => {
  let world: World;
  let service: ServiceProcess;
  const traces: Record<string, string> = {};

  before(async () => {
    world = await startWorld();
    // Longer than a lease is renewed and than followed sessions are polled: neither may show in a trace.
    service = await world.start({ SESSION_TIMEOUT_MS: '6000' });
    const { model } = world;
    traces.plain = await post(service, 201);

    traces.first = await post(service, 201, { selected_tag_id: 2 });
    // By chance another variant is written, of which there are few.
    for (let calls = 0; calls < model.calls.length; ) {
      calls = model.calls.length;
      traces.cached = await post(service, 201, { selected_tag_id: 2 });
    }

    const soFar = model.calls.filter(({ part }) => part === 'empathy').length;
    model.behave(only('empathy', { kind: 'status', status: 503 }, soFar + 1));
    traces.retried = await post(service, 201, { ...BODY, user_context: `${MARKER} 다시` });

    model.behave(only('reflection', { kind: 'blocked' }));
    traces.degraded = await post(service, 201, { ...BODY, user_context: `${MARKER} 막힘` });

    model.behave(() => undefined);
    const headers = { ...(await guest(service)), Accept: 'application/x-ndjson' };
    const stream = await openStream(service.url + SESSIONS, {
      method: 'POST',
      headers,
      body: JSON.stringify({ ...BODY, user_context: `${MARKER} 떠남` }),
    });
    traces.left = stream.response.headers.get('X-Trace-Id') ?? '';
    await stream.next();
    stream.leave();
    traces.refused = await post(service, 400, { selected_tag_id: 1, user_context: MARKER });

    for (const path of ['/livez', '/readyz', '/metrics'])
      await supertest(service.opsUrl).get(path).expect(200);
    model.behave(only('persona', { kind: 'hang', when: 'before' }));
    traces.failed = await post(service, 503, { ...BODY, user_context: `${MARKER} 실패` });
    await stop(service);
  });
  after(() => world.close());

  const shape = (name: string) => withoutSaving(shapeOf(world.receiver.spans, traces[name] ?? ''));
  const spansOf = (name: string) => world.receiver.spans.filter(({ traceId }) => traceId === traces[name]);
  const named = (name: string, spanName: string) => {
    const [span] = spansOf(name).filter((candidate) => candidate.name === spanName);
    assert.ok(span, `${spanName} of ${name}`);
    return span;
  };

  test('from the request to the last statement', () => {
    assert.equal(shape('plain'), syncShape({ sources: COLD }));
  });

  test('of a text that is cached: no call to the model', () => {
    const hit = ' · cache.lookup words l1';
    assert.equal(shape('cached'), syncShape({ empathy: hit, persona: hit, reflection: hit }));
    assert.match(shape('first'), /persona · cache.lookup words miss/);
  });

  test('with a call that is made again: an event of its step, and the call that failed', () => {
    const empathy = ` · meari.llm.retry unavailable
        ${MODEL} (client)
          POST (client)
        ${MODEL} (client) ! · exception unavailable
          POST (client) !
        llm.wait`;
    assert.equal(shape('retried'), syncShape({ empathy }));
  });

  test('with a part that the model does not write: an event of its step', () => {
    const reflection = ` · meari.llm.fallback blocked
        ${MODEL} (client) ! · exception blocked
          POST (client)
        llm.wait`;
    assert.equal(shape('degraded'), syncShape({ reflection }));
    assert.equal(named('degraded', `POST ${SESSIONS}`).attributes['profiler.keep'], 'degraded');
  });

  test('whose client leaves: the session goes on in the same trace', () => {
    const request = named('left', `POST ${SESSIONS}`);
    assert.equal(request.attributes['meari.client_left'], true);
    assert.equal(request.statusCode, 0);
    const run = named('left', 'process meari-sessions');
    assert.ok(run.endMs > request.endMs);
    assert.deepEqual(
      run.events.map(({ name }) => name),
      ['meari.session.claimed', 'meari.session.completed'],
    );
  });

  test('that fails: the step, the run and the request say so, with types and without messages', () => {
    const text = shape('failed');
    assert.match(text, /^ {6}persona ! · exception \w+$/m);
    assert.match(
      text,
      /process meari-sessions \(consumer\) ! · meari.session.claimed 1 · meari.session.failed 1/,
    );
    assert.match(text, /^POST \/api\/v1\/meari\/sessions \(server\) ! /);
    assert.equal(named('failed', `POST ${SESSIONS}`).attributes['error.type'], '503');
    assert.equal(named('failed', 'persona').attributes['error.type'], 'TimeoutError');
  });

  test('longer than the lease and the poll: neither of them shows', () => {
    const { startMs, endMs } = named('failed', 'process meari-sessions');
    assert.ok(endMs - startMs > 5_500, `${endMs - startMs} ms`);
    const statements = spansOf('failed').map(({ attributes }) => String(attributes['db.query.text'] ?? ''));
    const polls = statements.filter((text) => text.includes('s.status ||'));
    const renewals = statements.filter((text) =>
      text.startsWith('update "meari_sessions" set "lease_expires_at"'),
    );
    assert.deepEqual([...polls, ...renewals], []);
  });

  test('every span is named, and says what it is, by the semantic conventions', () => {
    const request = named('plain', `POST ${SESSIONS}`);
    assert.deepEqual(
      { ...request.attributes, 'server.port': 0, 'meari.session.id': '' },
      {
        'http.request.method': 'POST',
        'url.scheme': 'http',
        'url.path': SESSIONS,
        'server.address': '127.0.0.1',
        'server.port': 0,
        'http.route': SESSIONS,
        'http.response.status_code': 201,
        'meari.session.id': '',
      },
    );
    const messaging = {
      'messaging.system': 'in_process',
      'messaging.destination.name': 'meari-sessions',
    };
    const sent = named('plain', 'send meari-sessions');
    assert.deepEqual(sent.attributes, {
      ...messaging,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
    });
    const run = named('plain', 'process meari-sessions');
    assert.equal(run.attributes['messaging.operation.type'], 'process');
    assert.ok(Number(run.attributes['profiler.waited_ms']) >= 0);
    assert.equal(run.attributes['meari.session.id'], request.attributes['meari.session.id']);

    const statement = named('plain', 'INSERT meari_sessions');
    assert.equal(statement.attributes['db.system.name'], 'postgresql');
    assert.equal(statement.attributes['db.query.summary'], 'INSERT meari_sessions');
    assert.match(String(statement.attributes['db.query.text']), /^insert into meari_sessions \(id, /);

    const chat = named('plain', MODEL).attributes;
    assert.equal(chat['gen_ai.operation.name'], 'chat');
    assert.equal(chat['gen_ai.provider.name'], 'gcp.gemini');
    assert.equal(chat['gen_ai.request.model'], 'gemini-2.5-flash');
    assert.ok(
      Number(chat['gen_ai.usage.input_tokens']) > 0 && Number(chat['gen_ai.usage.output_tokens']) > 0,
    );
    assert.deepEqual(chat['gen_ai.response.finish_reasons'], ['STOP']);
  });

  test('every span has its parent, every root is a request, and no name has a value in it', () => {
    const { spans } = world.receiver;
    const ids = new Set(spans.map(({ spanId }) => spanId));
    const roots = spans.filter(({ parentSpanId }) => !ids.has(parentSpanId));
    assert.deepEqual(
      [...new Set(roots.map(({ name, kind, parentSpanId }) => `${name} ${kind}${parentSpanId}`))].toSorted(),
      ['POST /api/v1/meari/sessions 2', 'POST /auth/guest 2'],
    );
    assert.ok(spans.every(({ name }) => !/\d{4}|[0-9a-f]{8}-/.test(name)));
  });

  test('no text of a user, no message of an error', () => {
    const { receiver } = world;
    assert.ok(receiver.spans.length > 300, `${receiver.spans.length}`);
    assert.ok(!receiver.raw().includes(MARKER));
    assert.ok(!receiver.raw().includes('exception.message'));
    assert.ok(!receiver.raw().includes('key-one'));
  });

  test('a log line carries the trace and the span that it was written in', () => {
    const lines = service
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    const step = lines.find(({ step, trace_id }) => step === 'persona' && trace_id === traces.plain);
    assert.equal(step?.span_id, named('plain', 'persona').spanId);
    const failure = lines.find(({ msg, trace_id }) => msg === 'session failed' && trace_id === traces.failed);
    assert.equal(failure?.span_id, named('failed', 'process meari-sessions').spanId);
  });
});

async function redisIsHeard(services: readonly ServiceProcess[]): Promise<void> {
  for (const { opsUrl } of services) {
    await eventually(async () => {
      const { body } = await supertest(opsUrl).get('/readyz');
      return body.dependencies.redis === 'ok' ? true : undefined;
    });
  }
}

const processes = (spans: readonly ReceivedSpan[]) =>
  new Set(spans.map(({ resource }) => resource['service.instance.id']));

/** The spans of the example of a session, by their names. */
function documentedNames(): string[] {
  const docs = readFileSync(new URL('../../docs/tracing.md', import.meta.url), 'utf8');
  const [, example = ''] = /<!-- trace-example:session -->(.*?)<!-- \/trace-example -->/s.exec(docs) ?? [];
  const found = [...example.matchAll(/^ *(\w.*?)(?: \(\w+\))? +[\d.]+ ms /gm)].map(([, name = '']) => name);
  assert.ok(found.length > 30, `${found.length}`);
  return found;
}

describe('the trace of a session through the queue', () => {
  let world: World;
  let redisUrl: string;
  before(async () => {
    world = await startWorld();
    redisUrl = (await world.redis()).url;
  });
  after(() => world.close());

  const startBoth = async (env: Record<string, string> = {}) => {
    const start = (ROLE: string) => world.start({ REDIS_URL: redisUrl, ROLE, ...env });
    const both = await Promise.all([start('api'), start('worker')]);
    await redisIsHeard(both);
    return both;
  };

  test('of the API and the worker: one tree, and nothing of what a worker does all day long', async () => {
    const [api, worker] = await startBoth();
    const traceId = await post(api, 201);
    const dashboard = await supertest(api.opsUrl).get('/jobs').redirects(1).expect(200);
    assert.match(dashboard.text, /Bull/);
    await Promise.all([stop(api), stop(worker)]);

    const { spans } = world.receiver;
    const redis = /^ *(?:publish|subscribe|unsubscribe|evalsha) \(client\)\n/gm;
    const shape = withoutSaving(`${shapeOf(spans, traceId)}\n`.replace(redis, ''));
    assert.equal(shape.trimEnd(), syncShape({ sources: COLD }));
    const run = spans.find(({ name, traceId: id }) => name === 'process meari-sessions' && id === traceId);
    assert.equal(run?.attributes['messaging.system'], 'bullmq');
    assert.equal(run?.attributes['messaging.message.id'], `${run?.attributes['meari.session.id']}-0`);
    assert.equal(processes(spans.filter((span) => span.traceId === traceId)).size, 2);
    const names = new Set(spans.filter((span) => span.traceId === traceId).map(({ name }) => name));
    assert.deepEqual(
      documentedNames().filter((name) => !names.has(name)),
      [],
      'docs/tracing.md: `npm run trace-examples`',
    );
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === '').map(({ name }) => name);
    assert.deepEqual([...new Set(roots)].toSorted(), [`POST ${SESSIONS}`, 'POST /auth/guest']);
    assert.ok(!world.receiver.raw().includes(MARKER));
  });

  test('taken over after a kill -9: the second run is in the trace of the request', async () => {
    const { model, receiver } = world;
    const [api, killed] = await startBoth();
    const before = model.calls.length;
    model.behave(only('reflection', { kind: 'hang', when: 'before' }));
    const answer = post(api, 201, { ...BODY, user_context: `${MARKER} 인계` });
    await model.until(() => model.calls.slice(before).length === 3);
    // What the first worker has finished has been sent.
    await eventually(
      async () => receiver.spans.filter(({ name }) => name === 'persona').length >= 2 || undefined,
    );
    killed.child.kill('SIGKILL');
    await killed.exited;
    model.behave(() => undefined);
    const heir = await world.start({ REDIS_URL: redisUrl, ROLE: 'worker' });
    const traceId = await answer;
    await Promise.all([stop(api), stop(heir)]);

    const trace = receiver.spans.filter((span) => span.traceId === traceId);
    assert.equal(processes(trace).size, 3);
    const text = shapeOf(receiver.spans, traceId);
    assert.match(
      text,
      /process meari-sessions \(consumer\) · meari.session.claimed 2 · meari.session.completed 2/,
    );
    // The run that was killed never ended: what it had finished hangs beside the tree, in the same trace.
    assert.match(text, /^\? persona/m);
    assert.equal(trace.filter(({ name }) => name === 'persona').length, 1);
    assert.equal(trace.filter(({ name }) => name === 'reflection').length, 1);
  });

  test('by ratio: an ordinary one stays here, one with an error leaves both processes, whole', async () => {
    const { model, receiver } = world;
    const env = {
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
      TRACES_SLOW_MS: '60000',
    };
    const [api, worker] = await startBoth(env);
    const ordinary = await post(api, 201, { ...BODY, user_context: `${MARKER} 보통` });
    model.behave(only('reflection', { kind: 'blocked' }));
    const degraded = await post(api, 201, { ...BODY, user_context: `${MARKER} 예외` });
    model.behave(() => undefined);
    const refused = await post(api, 400, { selected_tag_id: 1 });
    await Promise.all([stop(api), stop(worker)]);

    const ids = new Set(receiver.spans.map(({ traceId }) => traceId));
    assert.ok(!ids.has(ordinary) && !ids.has(refused));
    const text = shapeOf(receiver.spans, degraded);
    assert.match(text, /^POST \/api\/v1\/meari\/sessions \(server\)/);
    assert.match(text, /reflection · meari.llm.fallback blocked/);
    assert.doesNotMatch(text, /\?/);
    const kept = receiver.spans.flatMap(({ traceId, name, attributes }) =>
      traceId === degraded && attributes['profiler.keep'] ? [`${name} ${attributes['profiler.keep']}`] : [],
    );
    assert.deepEqual(kept.toSorted(), [`POST ${SESSIONS} degraded`, 'process meari-sessions error']);
  });
});
