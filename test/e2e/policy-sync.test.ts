import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import supertest from 'supertest';
import { createTestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { apiRecord, startFakePolicyApi } from '../support/fake-policy-api.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { SESSIONS } from '../support/paths.ts';
import { type ServiceProcess, startProcess } from '../support/process.ts';

const KEY = 'a-key-that-nobody-may-read';

async function metricsOf({ opsUrl }: ServiceProcess): Promise<string> {
  return (await supertest(opsUrl).get('/metrics').expect(200)).text;
}

function metric(text: string, name: string): number | undefined {
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

async function stop(service: ServiceProcess): Promise<void> {
  service.child.kill('SIGTERM');
  assert.equal(await service.exited, 0);
}

describe('the policy sync in real processes', () => {
  test('of two, one reads the API; both know of it; the key is in no log, span or metric', async () => {
    await using api = await startFakePolicyApi({ key: KEY });
    await using collector = await startOtlpReceiver();
    const database = await createTestDatabase();
    {
      api.has(Array.from({ length: 250 }, (_, index) => apiRecord(index)));
      // Both quote the key.
      api.failNext({ resultCode: 500 }, { status: 429, retryAfter: '0' });
      const env = {
        DATABASE_URL: database.url,
        YOUTH_POLICY_API_KEY: KEY,
        YOUTH_POLICY_API_URL: api.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      };
      await using first = await startProcess({ env });
      await using second = await startProcess({ env });
      await Promise.all([first.ready, second.ready]);
      const told: string[] = [];
      for (const service of [first, second]) {
        const text = await eventually(async () => {
          const metrics = await metricsOf(service);
          return metric(metrics, 'meari_policy_synced') === 250 ? metrics : undefined;
        });
        assert.ok((metric(text, 'meari_policy_sync_age_seconds') ?? Number.NaN) >= 0);
        told.push(text);
      }
      assert.deepEqual(
        api.calls.map(({ page }) => page),
        [1, 1, 1, 2, 3],
      );
      const synced = told.filter((text) =>
        /meari_policy_syncs_total\{[^}]*outcome="replaced"[^}]*\} 1/.test(text),
      );
      assert.equal(synced.length, 1);
      assert.match(synced[0] ?? '', /meari_policy_records_total\{[^}]*result="used"[^}]*\} 250/);

      await Promise.all([stop(first), stop(second)]);
      const [sync, ...more] = collector.spans.filter(({ name }) => name === 'policy_sync');
      assert.ok(sync);
      assert.deepEqual([more, sync.parentSpanId], [[], '']);
      const pages = collector.spans.filter(({ name }) => name === 'policy_sync.page');
      assert.deepEqual(
        pages.map(({ parentSpanId }) => parentSpanId),
        [sync.spanId, sync.spanId, sync.spanId],
      );
      const calls = collector.spans.filter(({ traceId, name }) => traceId === sync.traceId && name === 'GET');
      assert.deepEqual(
        calls.map(({ attributes }) => attributes['url.full']),
        Array.from({ length: 5 }, () => api.url),
      );
      for (const text of [first.output(), second.output(), ...told, JSON.stringify(collector.spans)]) {
        assert.ok(!text.includes(KEY));
      }
      assert.match(first.output() + second.output(), /"outcome":"replaced".*"msg":"policy sync"/);
    }
    await database.drop();
  });

  test('an API that hangs holds up neither the start, nor a session, nor the end', async () => {
    await using api = await startFakePolicyApi({ key: KEY });
    const database = await createTestDatabase();
    {
      api.failAlways('hang');
      const env = {
        DATABASE_URL: database.url,
        YOUTH_POLICY_API_KEY: KEY,
        YOUTH_POLICY_API_URL: api.url,
      };
      await using service = await startProcess({ env });
      await service.ready;
      await eventually(async () => (api.calls.length > 0 ? true : undefined));
      const guest = supertest.agent(service.url);
      await guest.post('/auth/guest').expect(201);
      const { body } = await guest.post(SESSIONS).send({ selected_tag_id: 3 }).expect(201);
      assert.equal(body.cards.reflection.cards.length, 3);
      await stop(service);
      assert.match(service.output(), /"outcome":"cancelled".*"msg":"policy sync"/);
    }
    await database.drop();
  });

  test('without a key nothing is asked', async () => {
    await using api = await startFakePolicyApi();
    const database = await createTestDatabase();
    {
      await using service = await startProcess({
        env: { DATABASE_URL: database.url, YOUTH_POLICY_API_URL: api.url },
      });
      await service.ready;
      assert.equal(metric(await metricsOf(service), 'meari_policy_synced'), undefined);
      await stop(service);
      assert.equal(api.calls.length, 0);
    }
    await database.drop();
  });
});
