import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import supertest from 'supertest';
import packageJson from '../../package.json' with { type: 'json' };
import { createTestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { SESSIONS } from '../support/paths.ts';
import { type ServiceProcess, startProcess } from '../support/process.ts';

/** The variables of `docs/vendors.md`, as they stand there, and what leaves the process with them. */

const KEY = 'a-very-secret-key';
const MARKER = '비밀표식';
const DOCS = await readFile(new URL('../../docs/vendors.md', import.meta.url), 'utf8');

/** The block of this name, with the receiver in the place of the vendor and a key in that of the placeholder. */
function variablesOf(vendor: string, receiverUrl: string): Record<string, string> {
  const block = new RegExp(`^# ${vendor}\n([^\`]+)\`\`\``, 'm').exec(DOCS)?.[1] ?? '';
  return Object.fromEntries(
    block
      .trim()
      .split('\n')
      .map((line) => /^([A-Z_]+)=(.+)$/.exec(line))
      .map((match) => [
        match?.[1],
        match?.[2]?.replace(/https?:\/\/[^/]+/, receiverUrl).replace(/YOUR_[A-Z_]+/, KEY),
      ]),
  );
}

async function startService(env: Record<string, string>): Promise<ServiceProcess> {
  const database = await createTestDatabase();
  const service = await startProcess({
    env: {
      DATABASE_URL: database.url,
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      ...env,
    },
  });
  await service.ready;
  const end = service[Symbol.asyncDispose];
  return Object.assign(service, {
    async [Symbol.asyncDispose]() {
      await end.call(service);
      await database.drop();
    },
  });
}

async function session({ url }: ServiceProcess, headers: Record<string, string> = {}): Promise<void> {
  const login = await fetch(`${url}/auth/guest`, { method: 'POST' });
  // By hand: in production it is for https alone.
  const Cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const answer = await fetch(url + SESSIONS, {
    method: 'POST',
    headers: { Cookie, 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ selected_tag_id: 2, user_context: MARKER }),
  });
  assert.equal(answer.status, 201);
}

async function stop(service: ServiceProcess): Promise<void> {
  service.child.kill('SIGTERM');
  assert.equal(await service.exited, 0);
}

describe('what leaves the process', { concurrency: 3 }, () => {
  for (const [vendor, header, compressed] of [
    ['datadog-agent', undefined, false],
    ['datadog-intake', 'dd-api-key', true],
    ['new-relic', 'api-key', true],
  ] as const) {
    test(`with the variables for ${vendor}`, async () => {
      await using receiver = await startOtlpReceiver();
      // All of the traces, so that there is something to look at.
      const env = {
        ...variablesOf(vendor, receiver.url),
        OTEL_TRACES_SAMPLER_ARG: '1',
        NODE_ENV: 'production',
      };
      await using service = await startService(env);
      await session(service);
      await eventually(
        async () => receiver.metrics.some(({ name }) => name === 'http.server.request.duration') || undefined,
      );
      await stop(service);

      const paths = new Set(receiver.requests.map(({ path }) => path));
      assert.deepEqual([...paths].toSorted(), ['/v1/metrics', '/v1/traces']);
      for (const { headers, bytes } of receiver.requests) {
        assert.equal(headers['content-type'], 'application/x-protobuf');
        assert.equal(headers['content-encoding'], compressed ? 'gzip' : undefined);
        if (header) assert.equal(headers[header], KEY);
        assert.ok(bytes < 1_000_000, `${bytes}`);
      }
      const everything = [...receiver.spans, ...receiver.metrics];
      assert.ok(receiver.spans.length > 30 && receiver.metrics.length > 10);
      for (const { resource } of everything) {
        assert.equal(resource['service.name'], 'meari-api');
        assert.equal(resource['service.version'], packageJson.version);
        assert.equal(resource['deployment.environment.name'], 'production');
        assert.ok(resource['service.instance.id']);
      }
      assert.ok(receiver.spans.some(({ name }) => name === `POST ${SESSIONS}`));
      const temporalities = new Set(
        receiver.metrics.filter(({ kind }) => kind === 'histogram').map(({ temporality }) => temporality),
      );
      assert.deepEqual([...temporalities], [1], 'deltas');
      assert.ok(!receiver.raw().includes(MARKER) && !receiver.raw().includes(KEY));
      assert.ok(!service.output().includes(KEY));
    });
  }

  test('the scrape goes on beside it, with totals', async () => {
    await using receiver = await startOtlpReceiver();
    await using service = await startService(variablesOf('datadog-agent', receiver.url));
    await session(service);
    const count = async () => {
      const { text } = await supertest(service.opsUrl).get('/metrics').expect(200);
      return /http_server_request_duration_seconds_count\{.*sessions.*\} (\d+)/.exec(text)?.[1];
    };
    assert.equal(await count(), '1');
    await eventually(async () => receiver.metrics.length > 0 || undefined);
    assert.equal(await count(), '1');
  });

  test('a resource attribute of the environment goes before our own; long texts are cut where it is asked for', async () => {
    await using receiver = await startOtlpReceiver();
    await using service = await startService({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging',
      OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '40',
    });
    await session(service);
    await stop(service);
    assert.ok(receiver.spans.every(({ resource }) => resource['deployment.environment.name'] === 'staging'));
    const texts = receiver.spans.map(({ attributes }) => String(attributes['db.query.text'] ?? ''));
    assert.equal(Math.max(...texts.map(({ length }) => length)), 40);
    assert.deepEqual(receiver.metrics, []);
  });

  test("a caller's baggage is not handed on to a provider, while the trace is", async () => {
    const seen: IncomingHttpHeaders[] = [];
    await using provider = createServer((req, res) => {
      seen.push(req.headers);
      res.writeHead(400).end('{}');
    });
    provider.listen(0, '127.0.0.1');
    await once(provider, 'listening');
    await using service = await startService({
      WRITER: 'llm',
      LLM_PROVIDER: 'openai-compatible',
      LLM_MODEL: 'some-model',
      LLM_BASE_URL: `http://127.0.0.1:${(provider.address() as AddressInfo).port}`,
    });
    const traceId = 'a'.repeat(32);
    await session(service, { traceparent: `00-${traceId}-${'b'.repeat(16)}-01`, baggage: 'words=of-a-user' });
    await stop(service);
    assert.equal(seen.length, 3);
    for (const headers of seen) {
      assert.equal(headers.baggage, undefined);
      assert.match(String(headers.traceparent), new RegExp(`^00-${traceId}-`));
    }
  });
});

describe('a receiver that does not take it', { concurrency: 4 }, () => {
  const faults: [string, (res: ServerResponse) => void, RegExp][] = [
    ['refuses the key', (res) => void res.writeHead(403).end(KEY), /^HTTP 403$/],
    ['asks to wait', (res) => void res.writeHead(429, { 'Retry-After': '1' }).end(), /^asked to wait$/],
    ['is not available', (res) => void res.writeHead(503, { 'Retry-After': '60' }).end(), /^asked to wait$/],
    ['never answers', () => {}, /^no answer$/],
  ];
  for (const [name, fault, reason] of faults) {
    test(`${name}: the service goes on, says so once, and once more when it works again`, async () => {
      let isBroken = true;
      await using receiver = await startOtlpReceiver({
        answer: (res) => (isBroken ? fault(res) : void res.writeHead(200).end()),
      });
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_HEADERS: `api-key=${KEY}`,
        OTEL_EXPORTER_OTLP_TIMEOUT: '1500',
      };
      await using service = await startService(env);
      const told = (state: string) =>
        service
          .output()
          .split('\n')
          .filter((line) => line.includes(`telemetry export ${state}`));
      await session(service);
      await eventually(async () => told('failing').length > 0 || undefined);
      const failed = receiver.requests.length;
      await session(service);
      await eventually(async () => receiver.requests.length > failed || undefined);
      isBroken = false;
      await session(service);
      await eventually(async () => told('recovered').length > 0 || undefined);
      await stop(service);

      assert.equal(told('failing').length, 1);
      const { signal, reason: why, level } = JSON.parse(told('failing')[0] ?? '');
      assert.deepEqual([signal, level], ['traces', 'warn']);
      assert.match(why, reason);
      assert.ok(!service.output().includes(KEY));
    });
  }

  test('is not there: the service goes on and stops in time', async () => {
    await using service = await startService({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    });
    await session(service);
    await eventually(async () => service.output().includes('telemetry export failing') || undefined);
    await stop(service);
  });
});
