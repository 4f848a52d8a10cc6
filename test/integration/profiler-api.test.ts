import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import supertest from 'supertest';
import type { z } from 'zod';
import {
  liveSchema,
  profileReportSchema,
  profileSchema,
  profilesSchema,
} from '../../src/profiling/api-process-schemas.ts';
import { apiErrorSchema } from '../../src/profiling/api-requests.ts';
import {
  findingsSchema,
  overviewSchema,
  routeDetailSchema,
  routesSchema,
  selfCostSchema,
  storeSchema,
  traceDetailSchema,
  tracePageSchema,
} from '../../src/profiling/api-schemas.ts';
import type { FindingGroup, TraceSummary } from '../../src/profiling/model.ts';
import { runningTelemetry } from '../../src/profiling/telemetry.ts';
import { eventually } from '../support/eventually.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { startSlowApp } from '../support/slow-app.ts';

const SLOW = 'POST /slow/sessions';
/** Nothing of the service has these letters in it. */
const MARKER = '쀍쀍쀍';

describe('the profiler API', () => {
  let service: TestService;
  let slow: Awaited<ReturnType<typeof startSlowApp>>;
  before(async () => {
    [service, slow] = await Promise.all([startTestService(), startSlowApp()]);
    const guest = await service.guest();
    for (const user_context of [`${MARKER} 매일 야근해요`, null]) {
      await guest.post(SESSIONS).send({ selected_tag_id: 2, user_context }).expect(201);
    }
    await guest.post(SESSIONS).send({ selected_tag_id: MARKER, user_context: MARKER }).expect(400);
    await guest
      .get(`${SESSIONS}/${encodeURIComponent(MARKER)}?cursor=${encodeURIComponent(MARKER)}`)
      .expect(400);
    await guest.get(SESSIONS).expect(200);
    await supertest(slow.url).post('/slow/sessions').expect(201);
    await supertest(slow.url).get('/slow/error').expect(503);
    for (const kind of ['cpu', 'heap']) await takeProfile(kind);
    runningTelemetry()?.settle();
  });
  after(async () => {
    await slow[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });

  const api = (path: string) => supertest(service.opsUrl).get(`/profiler/api/${path}`);

  async function read<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    const { body } = await api(path).expect(200);
    return schema.parse(body);
  }

  /** Leaves a finished profile of one second behind. */
  async function takeProfile(kind: string): Promise<void> {
    const started = await supertest(service.opsUrl)
      .post(`/profiler/api/profiles?kind=${kind}&seconds=1`)
      .expect(202);
    const { profile } = profileSchema.parse(started.body);
    await supertest(slow.url).get('/slow/burn').expect(200);
    await eventually(async () => ((await api(`profiles/${profile.id}`)).status === 200 ? true : undefined));
  }

  /** Every address that tells something, with the schema that it promises. */
  async function everyAnswer(): Promise<[path: string, schema: z.ZodType][]> {
    const { traces } = await read('traces?limit=500', tracePageSchema);
    const { routes } = await read('routes', routesSchema);
    const { profiles } = await read('profiles', profilesSchema);
    return [
      ['overview', overviewSchema],
      ['routes', routesSchema],
      ['findings', findingsSchema],
      ['store', storeSchema],
      ['self-cost', selfCostSchema],
      ['live', liveSchema],
      ['profiles', profilesSchema],
      ['traces', tracePageSchema],
      ...profiles.map(({ id }): [string, z.ZodType] => [`profiles/${id}`, profileReportSchema]),
      ...traces.map(({ traceId }): [string, z.ZodType] => [`traces/${traceId}`, traceDetailSchema]),
      ...routes.map(({ route }): [string, z.ZodType] => [
        `routes/${encodeURIComponent(route)}`,
        routeDetailSchema,
      ]),
    ];
  }

  test('each answer is what its schema says, to the last field', async () => {
    const answers = await everyAnswer();
    assert.ok(answers.length > 12);
    for (const [path, schema] of answers) await read(path, schema);
  });

  test('what a user wrote is in no answer', async () => {
    for (const [path] of await everyAnswer()) {
      const { text } = await api(path).expect(200);
      for (const form of [MARKER, encodeURIComponent(MARKER), '야근']) assert.ok(!text.includes(form), path);
    }
  });

  test('describes itself by a valid OpenAPI 3.1: every address is there, every reference leads somewhere', async () => {
    const { body, text } = await api('openapi.json').expect(200);
    const validator = new Validator();
    assert.deepEqual(await validator.validate(structuredClone(body)), { valid: true });
    assert.equal(validator.version, '3.1');
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    for (const name of references) assert.ok(name && name in body.components.schemas, `${name}`);
    assert.ok(new Set(references).size > 15);
    const ids = new Set<string>();
    for (const [path, operations] of Object.entries<
      Record<string, { operationId: string; responses: object }>
    >(body.paths)) {
      for (const { operationId, responses } of Object.values(operations)) {
        assert.ok(!ids.has(operationId), `${operationId} is there once`);
        ids.add(operationId);
        assert.ok('401' in responses && '403' in responses, path);
      }
    }
    for (const [path] of await everyAnswer()) {
      const template = `/${path.split('?')[0]}`
        .replace(/^\/traces\/.*/, '/traces/{traceId}')
        .replace(/^\/routes\/.*/, '/routes/{route}')
        .replace(/^\/profiles\/.*/, '/profiles/{id}');
      assert.ok(body.paths[template]?.get, template);
    }
  });

  test('names the bottleneck, the line and the saving', async () => {
    const route = await read(`routes/${encodeURIComponent(SLOW)}`, routeDetailSchema);
    const { verdict, steps } = route;
    assert.equal(verdict?.reason?.rule, 'sequential-steps');
    assert.match(verdict?.reason?.callSite ?? '', /^test\/support\/slow-app\.ts:\d+$/);
    assert.ok((verdict?.reason?.savingMs ?? 0) > 100);
    const loop = route.findings.find(({ worst }) => worst.rule === 'n-plus-one')?.worst;
    assert.match(loop?.callSite ?? '', /^test\/support\/slow-app\.ts:\d+$/);
    assert.equal(loop?.evidence.distinctBindings, 12);
    const whole = steps.reduce((sum, { shareAtP50 }) => sum + shareAtP50, 0);
    assert.ok(Math.abs(whole - 1) < 1e-6);
  });

  test('finds traces by route, status, time, rule, finding and text', async () => {
    const find = async (query: Record<string, string>): Promise<TraceSummary[]> =>
      (await read(`traces?${new URLSearchParams(query)}`, tracePageSchema)).traces as TraceSummary[];
    const [slowTrace, ...others] = await find({ route: SLOW });
    assert.ok(slowTrace && others.length === 0);
    // What is refused fails its client too, and the client of a test is in its traces.
    const failed = await find({ status: 'error' });
    assert.ok(failed.some(({ route }) => route === 'GET /slow/error'));
    assert.ok(failed.every(({ status, route }) => status === 'error' && route !== SLOW));
    const only = (traces: TraceSummary[]) => traces.map(({ traceId }) => traceId);
    assert.deepEqual(only(await find({ rule: 'n-plus-one' })), [slowTrace.traceId]);
    assert.deepEqual(only(await find({ finding: slowTrace.findings[0] ?? '' })), [slowTrace.traceId]);
    assert.deepEqual(only(await find({ text: slowTrace.traceId.slice(3, 20).toUpperCase() })), [
      slowTrace.traceId,
    ]);
    const least = slowTrace.durationMs - 1;
    assert.ok((await find({ minDurationMs: String(least) })).some(({ route }) => route === SLOW));
    const slowest = await find({ order: 'slowest', limit: '3' });
    assert.equal(slowest.length, 3);
    assert.deepEqual(
      slowest.map(({ durationMs }) => durationMs),
      slowest.map(({ durationMs }) => durationMs).toSorted((a, b) => b - a),
    );
  });

  for (const [query, field] of [
    ['limit=0', 'limit'],
    ['limit=many', 'limit'],
    ['status=slow', 'status'],
    ['rule=n-plus-two', 'rule'],
    ['minDurationMs=-1', 'minDurationMs'],
    ['order=fastest', 'order'],
    ['colour=red', 'colour'],
  ]) {
    test(`refuses ?${query}, and names ${field}`, async () => {
      const { body } = await api(`traces?${query}`).expect(400);
      assert.equal(apiErrorSchema.parse(body).error, 'BAD_REQUEST');
      assert.ok(body.message.startsWith(`${field}: `), body.message);
    });
  }

  test('says what is not there', async () => {
    for (const path of [`traces/${'0'.repeat(32)}`, 'routes/GET%20%2Fnowhere', 'nowhere']) {
      const { body } = await api(path).expect(404);
      assert.equal(apiErrorSchema.parse(body).error, 'NOT_FOUND');
    }
    const { body } = await api('traces/ABC').expect(400);
    assert.match(body.message, /^traceId: /);
  });

  test('mutes a finding with a reason, which takes it out of the verdict, and unmutes it', async () => {
    const post = (path: string, body?: object) =>
      supertest(service.opsUrl)
        .post(`/profiler/api/findings/${path}`)
        .send(body ?? {});
    const findings = async () => (await read('findings', findingsSchema)).findings as FindingGroup[];
    const finding = (await findings()).find(({ worst }) => worst.rule === 'sequential-steps');
    assert.ok(finding);
    const { fingerprint } = finding;

    for (const body of [{}, { reason: '' }, { reason: '  ' }, { reason: 'x'.repeat(501) }]) {
      const refused = await post(`${fingerprint}/mute`, body).expect(400);
      assert.match(refused.body.message, /^reason: /);
    }
    await post(`${fingerprint}/mute`, { reason: 'a demonstration' }).expect(204);
    const muted = (await findings()).at(-1);
    assert.equal(muted?.fingerprint, fingerprint);
    assert.equal(muted?.mutedReason, 'a demonstration');
    const { findings: loud } = await read('overview', overviewSchema);
    assert.ok(!loud.some((group) => group.fingerprint === fingerprint));

    await post(`${fingerprint}/unmute`).expect(204);
    await post(`${fingerprint}/unmute`).expect(404);
    await post('0000000000000000/mute', { reason: 'x' }).expect(404);
    assert.equal(
      (await findings()).find((group) => group.fingerprint === fingerprint)?.mutedReason,
      undefined,
    );
  });

  test('its own requests are in no trace and no metric', async () => {
    const seen = async () => {
      runningTelemetry()?.settle();
      const { text } = await supertest(service.opsUrl).get('/metrics').expect(200);
      const requests = text
        .split('\n')
        .filter((line) => line.startsWith('http_server_request_duration_seconds_count'));
      return { requests, traces: (await read('traces?text=profiler', tracePageSchema)).matching };
    };
    const earlier = await seen();
    for (const [path] of (await everyAnswer()).slice(0, 8)) await api(path).expect(200);
    await supertest(service.opsUrl).get('/profiler/').expect(200);
    assert.deepEqual(await seen(), earlier);
  });
});
