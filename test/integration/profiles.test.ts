// First, as in `npm start`: what is loaded before it is not instrumented.
import '../../instrumentation.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import express from 'express';
import { Profile as PprofProfile } from 'pprof-format';
import supertest from 'supertest';
import type { CpuProfile } from '../../src/profiling/cpu/cpuprofile.ts';
import type { ProfileReport, ProfileSummary } from '../../src/profiling/cpu/model.ts';
import { withServerSpan } from '../../src/profiling/server-span.ts';
import { createStepRecorder } from '../../src/profiling/step.ts';
import { createProfilingTools } from '../../src/profiling/tools.ts';
import { asBuffer } from '../support/as-buffer.ts';
import { eventually } from '../support/eventually.ts';

const API = '/profiler/api';

type Burner = 'small' | 'large' | 'early';

/** What the steps have burnt: milliseconds of CPU, and when. */
const burnt: { readonly step: Burner; readonly at: number; readonly ms: number }[] = [];

/** Uses the CPU, by its own clock: how busy the machine is makes no difference. */
function burn(step: Burner, milliseconds: number): void {
  const start = process.threadCpuUsage();
  let used = 0;
  do {
    for (let index = 0; index < 1_000; index++) Math.sqrt(index);
    const { user, system } = process.threadCpuUsage(start);
    used = (user + system) / 1000;
  } while (used < milliseconds);
  burnt.push({ step, at: Date.now(), ms: used });
}

function burnSmall(): void {
  burn('small', 5);
}
function burnLarge(): void {
  burn('large', 10);
}

const record = createStepRecorder({ metric: { name: 'test.step.duration', description: 'Of this test.' } });
const OPTIONS = {
  projectRoot: new URL('../../', import.meta.url).pathname,
  intervalMicros: 1_000,
  profilesSlowRoutes: false,
  gauges: {},
  onError: (error: unknown) => assert.fail(String(error)),
};
const tools = createProfilingTools(OPTIONS);
let held = Promise.withResolvers<void>();
let url = '';
let close = (): void => {};

/** Two steps that take turns at the CPU, in one request, while a third one waits for them. */
function buildSubject(): RequestListener {
  const app = express();
  app.get('/turns/:name', async (_req, res) => {
    const done = Promise.withResolvers<void>();
    const turns = async (work: () => void): Promise<void> => {
      for (let turn = 0; turn < 10; turn++) {
        work();
        await nextTurn();
      }
    };
    await Promise.all([
      record({ name: 'waits', after: [] }, {}, () => done.promise),
      Promise.all([
        record({ name: 'small', after: [] }, {}, () => turns(burnSmall)),
        record({ name: 'large', after: [] }, {}, () => turns(burnLarge)),
      ]).then(() => done.resolve()),
    ]);
    res.json({});
  });
  app.get('/held/:name', async (_req, res) => {
    await record({ name: 'early', after: [] }, {}, async () => {
      await held.promise;
      for (let turn = 0; turn < 30; turn++) {
        burn('early', 10);
        await nextTurn();
      }
    });
    res.json({});
  });
  app.use(API, tools.routes);
  return withServerSpan(app);
}

async function listen(app: RequestListener) {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

before(async () => {
  ({ url, close } = await listen(buildSubject()));
});
after(async () => {
  await tools.close();
  close();
});

async function start(query: string): Promise<ProfileSummary> {
  const { body } = await supertest(url).post(`${API}/profiles?${query}`).expect(202);
  return body.profile;
}

async function reportOf({ id }: ProfileSummary, query = ''): Promise<ProfileReport> {
  return eventually(async () => {
    const { status, body } = await supertest(url).get(`${API}/profiles/${id}?${query}`);
    assert.ok(status === 200 || status === 202, JSON.stringify(body));
    if (status === 200) return body;
    await delay(20);
    return undefined;
  });
}

/** Sends requests one after the other for as long as the profile runs. */
async function workUntilEnd(profile: ProfileSummary): Promise<void> {
  while (tools.recorder.get(profile.id)?.summary().state === 'running') {
    await supertest(url).get('/turns/비밀표식').expect(200);
  }
}

function burntDuring({ startedAt, endsAt }: ProfileSummary, step: Burner): number {
  return burnt
    .filter((one) => one.step === step && one.at >= startedAt && one.at <= endsAt)
    .reduce((sum, { ms }) => sum + ms, 0);
}

function cpuOf({ sums }: ProfileReport, step: string): number {
  return sums.filter((sum) => sum.step === step).reduce((all, { sums: { cpu = 0 } }) => all + cpu, 0);
}

describe('a CPU profile', () => {
  test('counts for the step that ran, not for what waited at the same time', async () => {
    const profile = await start('seconds=3');
    await workUntilEnd(profile);
    const report = await reportOf(profile);
    const [small, large] = [cpuOf(report, 'small'), cpuOf(report, 'large')];
    const measured = { small: burntDuring(profile, 'small'), large: burntDuring(profile, 'large') };
    assert.ok(measured.small > 100 && measured.large > 200, JSON.stringify(measured));
    const ratio = large / small / (measured.large / measured.small);
    assert.ok(Math.abs(ratio - 1) < 0.1, `${small} and ${large} of ${JSON.stringify(measured)}`);
    // What burnt while the profile began or ended is in one of the two sums and not in the other.
    const found = (small + large) / (measured.small + measured.large);
    assert.ok(Math.abs(found - 1) < 0.2, `${small} and ${large} of ${JSON.stringify(measured)}`);
    assert.ok(cpuOf(report, 'waits') < small / 20, 'a step that waits burns nothing');
    for (const step of ['small', 'large']) {
      const sum = report.sums.find((one) => one.step === step);
      assert.equal(sum?.route, 'GET /turns/:name');
    }
    assert.ok(!JSON.stringify(report).includes('비밀표식'), 'the template, not the path');

    assert.ok(!report.functions.some(({ name }) => name === '(idle)'), 'waiting for work is no work');

    const ofSmall = await reportOf(profile, 'metric=cpu&step=small');
    const names = ofSmall.functions.map(({ name }) => name);
    assert.ok(names.includes('burnSmall') && !names.includes('burnLarge'), names.join());
    const row = ofSmall.functions.find(({ name }) => name === 'burnSmall');
    assert.equal(row?.file, 'test/integration/profiles.test.ts');
    assert.ok((row?.line ?? 0) > 0 && (row?.totalShare ?? 0) > 0.8);
    assert.ok(Math.abs(ofSmall.flame.total - small) < 1e-6, 'the flame graph has what the sum has');
  });

  test('knows the steps that were under way before it began', async () => {
    held = Promise.withResolvers();
    const request = supertest(url).get('/held/x').expect(200);
    const answered = request.then(() => {});
    await eventually(async () => {
      const { body } = await supertest(url).get(`${API}/live`);
      return body.inFlight.byRoute['GET /held/:name'] === 1 ? true : undefined;
    });
    const profile = await start('seconds=2');
    held.resolve();
    await answered;
    const report = await reportOf(profile);
    assert.ok(cpuOf(report, 'early') > 150, `${cpuOf(report, 'early')} of 300 ms`);
  });

  test('is taken one at a time, and says when it ends', async () => {
    const profile = await start('seconds=1');
    const second = await supertest(url).post(`${API}/profiles?seconds=1`).expect(409);
    assert.equal(second.body.error, 'busy');
    assert.deepEqual(second.body.profile, { id: profile.id, kind: 'cpu', endsAt: profile.endsAt });
    assert.match(second.body.message, new RegExp(new Date(profile.endsAt).toISOString()));
    assert.ok(Number(second.get('Retry-After')) >= 1);
    await supertest(url).post(`${API}/profiles?kind=heap&seconds=1`).expect(409);
    await reportOf(profile);
    await reportOf(await start('seconds=1'));
  });

  for (const [query, field] of [
    ['seconds=0', 'seconds'],
    ['seconds=31', 'seconds'],
    ['seconds=1.5', 'seconds'],
    ['seconds=ten', 'seconds'],
    ['kind=wall', 'kind'],
  ]) {
    test(`is refused with ${query}, naming ${field}`, async () => {
      const { body } = await supertest(url).post(`${API}/profiles?${query}`).expect(400);
      assert.equal(body.error, 'validation');
      assert.equal(body.field, field);
      assert.match(body.message, new RegExp(`^${field}: `));
    });
  }

  test('can be opened by DevTools and by pprof', async () => {
    const profile = await start('seconds=1');
    await workUntilEnd(profile);
    await reportOf(profile);
    const file = await supertest(url).get(`${API}/profiles/${profile.id}.cpuprofile`).expect(200);
    assert.match(file.get('Content-Disposition') ?? '', /attachment.*\.cpuprofile/);
    checkCpuProfile(file.body);

    const binary = await supertest(url)
      .get(`${API}/profiles/${profile.id}.pb.gz`)
      .buffer(true)
      .parse(asBuffer);
    const pprof = PprofProfile.decode(gunzipSync(binary.body));
    const { strings } = pprof.stringTable;
    assert.deepEqual(
      pprof.sampleType.map(({ type }) => strings[Number(type)]),
      ['sample', 'wall', 'cpu'],
    );
    const labels = new Set(pprof.sample.flatMap(({ label }) => label.map(({ key }) => strings[Number(key)])));
    assert.deepEqual([...labels].sort(), ['route', 'step']);
    assert.ok(strings.includes('burnSmall') && strings.includes('test/integration/profiles.test.ts'));
    assert.ok(!strings.some((text) => text.includes(process.cwd())), 'no path of this machine');
  });

  test('that is not there is a 404, and a metric that it does not have a 400', async () => {
    for (const path of ['nothing', 'nothing.cpuprofile', 'nothing.pb.gz']) {
      await supertest(url).get(`${API}/profiles/${path}`).expect(404);
    }
    const profile = await start('seconds=1');
    await reportOf(profile);
    const { body } = await supertest(url).get(`${API}/profiles/${profile.id}?metric=allocated`).expect(400);
    assert.equal(body.field, 'metric');
  });
});

describe('a route that becomes slow', () => {
  test('is profiled without anybody asking, once', async () => {
    await using resources = new AsyncDisposableStack();
    const watching = createProfilingTools({ ...OPTIONS, profilesSlowRoutes: true });
    resources.defer(watching.close);
    let durationMs = 120;
    const app = express();
    app.get('/things/:id', async (_req, res) => {
      await delay(durationMs);
      res.json({});
    });
    const { url: subject, close: closeSubject } = await listen(withServerSpan(app));
    resources.defer(closeSubject);
    const timed = async (): Promise<number> => {
      const startedAt = performance.now();
      await supertest(subject).get('/things/1').expect(200);
      return performance.now() - startedAt;
    };
    // As many as a p99 takes; whoever measures at the client measures more.
    const usual = await Promise.all(Array.from({ length: 200 }, timed));
    assert.deepEqual(watching.recorder.list(), []);
    durationMs = 2 * Math.max(...usual);
    await Promise.all(Array.from({ length: 10 }, timed));
    const { kind, cause, id } = await eventually(async () => watching.recorder.list()[0]);
    assert.deepEqual({ kind, cause }, { kind: 'cpu', cause: { kind: 'slow', route: 'GET /things/:id' } });
    await Promise.all(Array.from({ length: 10 }, timed));
    assert.deepEqual(
      watching.recorder.list().map((profile) => profile.id),
      [id],
    );
    await watching.close();
    assert.equal(watching.recorder.get(id)?.summary().state, 'finished', 'ended with the service');
  });
});

describe('a heap profile', () => {
  test('names what allocates', async () => {
    const profile = await start('kind=heap&seconds=1');
    let kept: unknown[] = [];
    function allocateMuch(): void {
      kept = Array.from({ length: 10_000 }, () => new Array(10).fill(kept.length));
    }
    while (tools.recorder.get(profile.id)?.summary().state === 'running') {
      allocateMuch();
      await nextTurn();
    }
    const report = await reportOf(profile);
    assert.equal(report.metric, 'allocated');
    assert.deepEqual(report.metrics, ['allocated', 'live']);
    const row = report.functions.find(({ name }) => name === 'allocateMuch');
    assert.ok(row && row.total > 10 * 1024 * 1024, JSON.stringify(report.functions.slice(0, 5)));
    assert.equal(row.file, 'test/integration/profiles.test.ts');
    const live = await reportOf(profile, 'metric=live');
    assert.ok(live.flame.total < report.flame.total, 'most of it was collected again');
    await supertest(url).get(`${API}/profiles/${profile.id}.cpuprofile`).expect(404);
    const binary = await supertest(url)
      .get(`${API}/profiles/${profile.id}.pb.gz`)
      .buffer(true)
      .parse(asBuffer);
    assert.ok(PprofProfile.decode(gunzipSync(binary.body)).sample.length > 0);
  });
});

/** The rules of the Chrome DevTools protocol: a tree, samples that are nodes of it, times that go forward. */
function checkCpuProfile({ nodes, samples, timeDeltas, startTime, endTime }: CpuProfile): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  assert.equal(byId.size, nodes.length, 'ids are unique');
  const childIds = nodes.flatMap(({ children }) => children);
  assert.equal(new Set(childIds).size, childIds.length, 'one parent each');
  assert.deepEqual(
    nodes.filter(({ id }) => !childIds.includes(id)).map(({ callFrame }) => callFrame.functionName),
    ['(root)'],
  );
  assert.ok(childIds.every((id) => byId.has(id)));
  assert.equal(samples.length, timeDeltas.length);
  assert.ok(samples.length > 0 && samples.every((id) => byId.has(id)));
  assert.ok(timeDeltas.every((delta) => delta >= 0));
  assert.equal(startTime + timeDeltas.reduce((sum, delta) => sum + delta, 0), endTime);
  const hits = new Map<number, number>();
  for (const id of samples) hits.set(id, (hits.get(id) ?? 0) + 1);
  for (const { id, hitCount } of nodes) assert.equal(hitCount, hits.get(id) ?? 0);
  assert.ok(nodes.some(({ callFrame }) => callFrame.functionName === 'burnSmall'));
}
