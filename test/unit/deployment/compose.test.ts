import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { CONFIG_VARIABLES, readConfig } from '../../../src/config.ts';
import {
  type Compose,
  type ComposeService,
  composeText,
  environmentOf,
  IMAGE_PORTS,
  interpolate,
  readCompose,
  serviceOf,
} from '../../support/deployment/compose.ts';
import { composeFaults } from '../../support/deployment/compose-schema.ts';
import { imageEnvironment, PROJECT, readStages } from '../../support/deployment/dockerfile.ts';
import { telemetryVariables } from '../../support/deployment/variables.ts';

const compose = readCompose();
const OWN = ['api', 'worker'];
const services = Object.entries(compose.services);

describe('docker-compose.yml', () => {
  test('is a Compose file by the specification', () => {
    assert.deepEqual(composeFaults(compose), []);
    const broken = { ...compose, services: { api: { ...serviceOf(compose, 'api'), helthcheck: {} } } };
    assert.match(composeFaults(broken).join(), /additionalProperty":"helthcheck/);
  });

  test('takes the docker-compose.override.yml that the documents show', () => {
    const docs = readFileSync(join(PROJECT, 'docs/deployment.md'), 'utf8');
    const [, block = ''] = /```yaml\n(.*?)```/s.exec(docs) ?? [];
    const override = parse(block, { merge: true }) as Compose;
    assert.deepEqual(composeFaults(override), []);
    for (const name of Object.keys(override.services)) assert.ok(serviceOf(compose, name), name);
    for (const name of OWN) {
      const given = environmentOf(override, name);
      assert.match(given.OTEL_EXPORTER_OTLP_ENDPOINT ?? '', /^https:/, name);
      // It goes before what is there, and a service starts with it.
      readConfig({ ...imageEnvironment(), ...environmentOf(compose, name), ...given });
    }
  });

  test('has what the operators were promised', () => {
    assert.deepEqual(services.map(([name]) => name).sort(), [
      'api',
      'grafana',
      'jaeger',
      'postgres',
      'prometheus',
      'redis',
      'worker',
    ]);
  });

  test('images are pinned to a version; our own is built', () => {
    for (const [name, { image, build }] of services) {
      if (OWN.includes(name)) assert.equal(build, '.');
      else assert.match(image ?? '', /^[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.]+)?$/, name);
    }
    assert.match(serviceOf(compose, 'postgres').image ?? '', /:18\./);
    assert.match(serviceOf(compose, 'jaeger').image ?? '', /:2\./);
  });

  test('each service is watched, bounded and started again', () => {
    for (const [name, service] of services) {
      const { cpus, memory } = service.deploy?.resources?.limits ?? {};
      assert.ok(cpus && memory, `${name} has limits`);
      assert.equal(service.restart, 'unless-stopped', name);
      if (!OWN.includes(name)) assert.equal(service.healthcheck?.test[0], 'CMD', name);
    }
    assert.ok(
      readStages()
        .at(-1)
        ?.instructions.some(({ keyword }) => keyword === 'HEALTHCHECK'),
    );
  });

  test('services wait for those that exist and are watched', () => {
    for (const [name, { depends_on = {} }] of services) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        assert.equal(condition, 'service_healthy', `${name} on ${other}`);
        assert.ok(OWN.includes(other) || serviceOf(compose, other).healthcheck, `${name} on ${other}`);
      }
    }
  });

  test('our processes get the time that they need to stop, and can write nothing', () => {
    const [, limit] =
      /SHUTDOWN_LIMIT_MS = ([\d_]+)/.exec(readFileSync(join(PROJECT, 'src/main.ts'), 'utf8')) ?? [];
    for (const name of OWN) {
      const { stop_grace_period = '', read_only, container_name } = serviceOf(compose, name);
      assert.ok(seconds(stop_grace_period) * 1_000 > Number(limit?.replaceAll('_', '')));
      assert.equal(read_only, true);
      assert.equal(container_name, undefined);
    }
  });
});

describe('the variables of docker-compose.yml', () => {
  test('are all read by the code', () => {
    const known = [...CONFIG_VARIABLES, ...telemetryVariables()];
    for (const name of OWN) {
      const unknown = Object.keys(environmentOf(compose, name)).filter(
        (variable) => !known.includes(variable),
      );
      assert.deepEqual(unknown, [], name);
    }
  });

  test('are a configuration that the service starts with, as they are', () => {
    for (const name of OWN) {
      const config = readConfig({ ...imageEnvironment(), ...environmentOf(compose, name) });
      assert.equal(config.environment, 'production');
      assert.equal(config.role, name);
      assert.equal(config.ops.host, '0.0.0.0');
      assert.equal(config.profiler, undefined);
      assert.equal(config.writer.kind, 'local');
    }
  });

  test('reach the service when an operator sets them', () => {
    const given = {
      POSTGRES_PASSWORD: 'correcthorse',
      LOG_LEVEL: 'warn',
      PROFILER: 'on',
      PROFILER_TOKEN: 'a-token-of-many-characters',
      JAEGER_UI_URL: 'https://jaeger.example',
      GRAFANA_URL: 'https://grafana.example',
      YOUTH_POLICY_API_KEY: 'key-of-policies',
      TRUST_PROXY: '1',
      CORS_ORIGINS: 'https://meari.example',
      RATE_LIMIT_PER_MINUTE: '7',
      SESSION_CONCURRENCY: '5',
      WRITER: 'llm',
      LLM_PROVIDER: 'openai-compatible',
      LLM_BASE_URL: 'https://model.example/v1',
      LLM_MODEL: 'exaone3.5',
      LLM_API_KEYS: 'one,two',
      LLM_CALLS: 'single',
      LLM_MAX_RPM: '60',
      LLM_MAX_CONCURRENT: '9',
      LLM_PRICES: 'exaone3.5=0.1/0.2',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.1',
      TRACES_SLOW_MS: '1000',
    };
    const asked = [...composeText().matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name);
    assert.deepEqual(Object.keys(given).sort(), [...new Set(asked)].sort());

    const docs = readFileSync(join(PROJECT, 'docs/deployment.md'), 'utf8');
    const untold = Object.keys(given).filter(
      (name) => !docs.includes(`\`${name}`) && !name.startsWith('LLM_'),
    );
    assert.deepEqual(untold, [], 'docs/deployment.md');

    const filled = readCompose(given);
    const api = readConfig({ ...imageEnvironment(), ...environmentOf(filled, 'api') });
    assert.equal(new URL(api.database.url ?? '').password, given.POSTGRES_PASSWORD);
    assert.equal(environmentOf(filled, 'postgres').POSTGRES_PASSWORD, given.POSTGRES_PASSWORD);
    assert.equal(api.logLevel, 'warn');
    assert.equal(api.profiler?.token, given.PROFILER_TOKEN);
    assert.equal(api.profiler?.jaegerUrl, given.JAEGER_UI_URL);
    assert.equal(api.profiler?.grafanaUrl, given.GRAFANA_URL);
    assert.equal(api.youthPolicyApi?.key, given.YOUTH_POLICY_API_KEY);
    assert.equal(api.api.trustProxy, 1);
    assert.deepEqual(api.api.corsOrigins, [given.CORS_ORIGINS]);
    assert.equal(api.api.rateLimitPerMinute, 7);
    const worker = readConfig({ ...imageEnvironment(), ...environmentOf(filled, 'worker') });
    assert.equal(worker.sessions.concurrency, 5);
    assert.deepEqual(worker.writer, {
      kind: 'llm',
      provider: given.LLM_PROVIDER,
      baseUrl: given.LLM_BASE_URL,
      model: given.LLM_MODEL,
      apiKeys: ['one', 'two'],
      calls: 'single',
      limits: { perWindow: 60, windowMs: 60_000, atOnce: 9 },
      callMs: 15_000,
      budgetMs: 25_000,
      price: { input: 0.1, output: 0.2 },
    });
  });

  test('a form of variable that is not understood is told', () => {
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: it is the syntax of Compose.
    assert.equal(interpolate('$$a ${NAME:-b} ${OTHER:-c}', { OTHER: 'd' }), '$a b d');
    assert.throws(() => interpolate('${NAME?}', {}), /not known here/);
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: the rest is TypeScript.
  });

  test('the database takes the connections of every process, and those of the migrations', () => {
    const { database } = readConfig(environmentOf(compose, 'worker'));
    const [, most] =
      /max_connections=(\d+)/.exec(serviceOf(compose, 'postgres').command?.join(' ') ?? '') ?? [];
    const processes = OWN.map((name) => serviceOf(compose, name).deploy?.replicas ?? 1);
    assert.ok(Number(most) >= processes.reduce((sum, count) => sum + count * (database.poolMax + 3), 0));
  });

  test('Redis evicts nothing: the queue is in it', () => {
    assert.match(serviceOf(compose, 'redis').command?.join(' ') ?? '', /--maxmemory-policy noeviction/);
  });
});

describe('the ports of docker-compose.yml', () => {
  test('lead in from this machine alone, to where something listens', () => {
    const { api, ops } = readConfig(imageEnvironment());
    for (const [name, { ports = [] }] of services) {
      for (const port of ports) {
        const [address, published, target] = port.split(':');
        assert.equal(address, '127.0.0.1', name);
        // Documents and links name one number; Grafana's is that of many a frontend's development server.
        assert.equal(published, name === 'grafana' ? '3001' : target, name);
        const listening = name === 'api' ? [api.port, ops.port] : IMAGE_PORTS[name];
        assert.ok(listening?.includes(Number(target)), `${name}:${target}`);
      }
    }
    // Nothing that is scaled, and nothing with a password that everybody knows.
    for (const name of ['worker', 'postgres', 'redis'])
      assert.equal(serviceOf(compose, name).ports, undefined);
  });

  test('Postgres and Redis are in a network that nothing leads into', () => {
    for (const name of ['postgres', 'redis']) {
      const { networks = ['default'] } = serviceOf(compose, name);
      assert.ok(networks.every((network) => compose.networks[network]?.internal === true));
    }
  });

  test('Grafana has no account, and so no password', () => {
    const grafana = environmentOf(compose, 'grafana');
    assert.equal(grafana.GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION, 'true');
    assert.equal(grafana.GF_AUTH_DISABLE_LOGIN_FORM, 'true');
    assert.equal(grafana.GF_AUTH_BASIC_ENABLED, 'false');
  });

  test('every address that a service is given is one of another service, or of what it publishes', () => {
    for (const [name, service] of services) {
      for (const url of addressesIn(service)) {
        const { hostname, port } = new URL(url);
        const target = hostname === '127.0.0.1' ? name : hostname;
        if (hostname !== 'localhost')
          assert.ok(IMAGE_PORTS[target]?.includes(Number(port)), `${name}: ${url}`);
        else assert.ok(publishedPorts().includes(Number(port)), `${name}: ${url}`);
      }
    }
  });
});

function seconds(duration: string): number {
  const [, count, unit] = /^(\d+)(s|m)$/.exec(duration) ?? [];
  return Number(count) * (unit === 'm' ? 60 : 1);
}

function addressesIn({ environment = {}, healthcheck }: ComposeService): string[] {
  const texts = [...Object.values(environment).map(String), ...(healthcheck?.test ?? [])];
  return texts.filter((text) => /^\w+:\/\//.test(text));
}

function publishedPorts(): number[] {
  return services.flatMap(([, { ports = [] }]) => ports.map((port) => Number(port.split(':')[1])));
}
