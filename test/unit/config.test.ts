import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { StartupError } from '../../src/errors.ts';

describe('readConfig', () => {
  test('an empty environment is a service for development', () => {
    const config = readConfig({});
    assert.equal(config.api.port, 8000);
    assert.deepEqual(config.ops, { host: '127.0.0.1', port: 9464 });
    assert.equal(config.database.url, undefined);
    assert.deepEqual(config.api.corsOrigins, ['http://localhost:3000']);
    assert.equal(config.api.rateLimitPerMinute, 0);
  });

  test('production trusts no origin unless it is named, and limits the rate', () => {
    const { api } = readConfig({ NODE_ENV: 'production' });
    assert.deepEqual(api.corsOrigins, []);
    assert.equal(api.rateLimitPerMinute, 60);
  });

  test('slow routes are profiled unless users would pay for it', () => {
    const production = { NODE_ENV: 'production', PROFILER: 'on', PROFILER_TOKEN: 'sixteen-characters' };
    const slowRoutes = (env: Record<string, string>) => readConfig(env).profiler?.slowRoutes;
    assert.equal(slowRoutes({}), true);
    assert.equal(slowRoutes(production), false);
    assert.equal(slowRoutes({ ...production, PROFILER_SLOW_ROUTES: 'on' }), true);
    assert.equal(slowRoutes({ PROFILER_SLOW_ROUTES: 'off' }), false);
  });

  test('an empty variable is the same as none', () => {
    assert.equal(readConfig({ PORT: '', DATABASE_URL: '' }).api.port, 8000);
  });

  test('reads lists, hops and addresses', () => {
    const { api } = readConfig({
      CORS_ORIGINS: 'https://a.example, http://b.example:3000',
      TRUST_PROXY: '2',
    });
    assert.deepEqual(api.corsOrigins, ['https://a.example', 'http://b.example:3000']);
    assert.equal(api.trustProxy, 2);
    assert.equal(readConfig({ TRUST_PROXY: 'true' }).api.trustProxy, true);
    assert.equal(readConfig({ TRUST_PROXY: 'loopback, 10.0.0.0/8' }).api.trustProxy, 'loopback, 10.0.0.0/8');
  });

  const token = 'sixteen-characters';
  for (const [env, isThere] of [
    [{}, true],
    [{ OPS_HOST: '::1' }, true],
    [{ PROFILER: 'off' }, false],
    [{ OPS_HOST: '0.0.0.0' }, false],
    [{ OPS_HOST: '127.evil.example' }, false],
    [{ OPS_HOST: '0.0.0.0', PROFILER_TOKEN: token }, true],
    [{ NODE_ENV: 'production' }, false],
    [{ NODE_ENV: 'production', PROFILER_TOKEN: token }, false],
    [{ NODE_ENV: 'production', PROFILER: 'on', PROFILER_TOKEN: token }, true],
  ] as const) {
    test(`the profiler ${isThere ? 'is there' : 'does not exist'} with ${JSON.stringify(env)}`, () => {
      const { profiler } = readConfig(env);
      assert.equal(profiler !== undefined, isThere);
      if (profiler) assert.equal(profiler.token, 'PROFILER_TOKEN' in env ? token : undefined);
    });
  }

  for (const env of [{ NODE_ENV: 'production' }, { OPS_HOST: '0.0.0.0' }]) {
    test(`PROFILER=on without its token stops the start with ${JSON.stringify(env)}`, () => {
      assert.throws(
        () => readConfig({ PROFILER: 'on', ...env }),
        (error) => error instanceof StartupError && error.message.includes('PROFILER_TOKEN: '),
      );
    });
  }

  test('addresses of other pages lose the slash at their end', () => {
    const { profiler } = readConfig({
      JAEGER_UI_URL: 'http://localhost:16686/',
      GRAFANA_URL: 'https://g.example/a/',
    });
    assert.equal(profiler?.jaegerUrl, 'http://localhost:16686');
    assert.equal(profiler?.grafanaUrl, 'https://g.example/a');
  });

  test('the youth-policy API is on with a key, at its own address unless another is given', () => {
    const url = 'http://127.0.0.1:9000/getPlcy';
    assert.equal(readConfig({ YOUTH_POLICY_API_URL: url }).youthPolicyApi, undefined);
    assert.deepEqual(readConfig({ YOUTH_POLICY_API_KEY: 'k' }).youthPolicyApi, {
      url: 'https://www.youthcenter.go.kr/go/ythip/getPlcy',
      key: 'k',
    });
    assert.equal(
      readConfig({ YOUTH_POLICY_API_KEY: 'k', YOUTH_POLICY_API_URL: url }).youthPolicyApi?.url,
      url,
    );
  });

  test('is frozen all through', () => {
    const config = readConfig({});
    assert.throws(() => Object.assign(config.api, { port: 1 }), TypeError);
  });

  for (const [name, value] of [
    ['PORT', '65536'],
    ['PORT', 'http'],
    ['OPS_PORT', '-1'],
    ['NODE_ENV', 'staging'],
    ['DATABASE_URL', 'localhost:5432'],
    ['DATABASE_POOL_MAX', '1'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['RATE_LIMIT_PER_MINUTE', 'many'],
    ['LOG_LEVEL', 'loud'],
    ['TRUST_PROXY', 'proxy'],
    ['REDIS_URL', 'localhost:6379'],
    ['ROLE', 'queen'],
    ['ROLE', 'worker'],
    ['SESSION_CONCURRENCY', '0'],
    ['PROFILER', 'yes'],
    ['PROFILER_STORE_MIB', '3'],
    ['PROFILER_STORE_MIB', '1025'],
    ['PROFILER_STORE_MIB', '8.5'],
    ['PROFILER_TOKEN', 'short'],
    ['PROFILER_TOKEN', 'has a space in the middle'],
    ['JAEGER_UI_URL', 'javascript:alert(1)'],
    ['GRAFANA_URL', 'grafana:3000'],
    ['YOUTH_POLICY_API_URL', 'youthcenter.go.kr'],
  ] as const) {
    test(`${name}=${value} stops the start with its name`, () => {
      assert.throws(
        () => readConfig({ [name]: value }),
        (error) => error instanceof StartupError && error.message.includes(`${name}: `),
      );
    });
  }

  test('names every bad variable at once', () => {
    assert.throws(() => readConfig({ PORT: 'x', LOG_LEVEL: 'y' }), /PORT: .*LOG_LEVEL: /);
  });

  describe('writer', () => {
    const google = {
      WRITER: 'llm',
      LLM_PROVIDER: 'google',
      LLM_MODEL: 'gemini-2.5-flash',
      LLM_API_KEYS: 'a',
    };

    test('is the local one, whatever else is set, unless it is asked for', () => {
      assert.deepEqual(readConfig({ ...google, WRITER: '' }).writer, { kind: 'local' });
    });

    test('reads keys, limits and the price of the model', () => {
      const { writer } = readConfig({
        ...google,
        LLM_API_KEYS: 'a, b',
        LLM_MAX_RPM: '10',
        LLM_PRICES: 'other=1/2, gemini-2.5-flash=0.30/2.50',
      });
      assert.ok(writer.kind === 'llm');
      assert.deepEqual(writer.apiKeys, ['a', 'b']);
      assert.deepEqual(writer.limits, { perWindow: 10, windowMs: 60_000, atOnce: 100 });
      assert.deepEqual(writer.price, { input: 0.3, output: 2.5 });
      assert.equal(writer.calls, 'separate');
    });

    test('a local server needs no key', () => {
      const { writer } = readConfig({
        WRITER: 'llm',
        LLM_PROVIDER: 'openai-compatible',
        LLM_BASE_URL: 'http://localhost:11434/v1',
        LLM_MODEL: 'exaone3.5',
      });
      assert.ok(writer.kind === 'llm');
      assert.deepEqual(writer.apiKeys, []);
      assert.equal(writer.limits.perWindow, Number.POSITIVE_INFINITY);
    });

    const bad: [string, Record<string, string>][] = [
      ['LLM_PROVIDER', { LLM_PROVIDER: '' }],
      ['LLM_PROVIDER', { LLM_PROVIDER: 'oracle' }],
      ['LLM_MODEL', { LLM_MODEL: '' }],
      ['LLM_API_KEYS', { LLM_API_KEYS: '' }],
      ['LLM_API_KEYS', { LLM_API_KEYS: 'a,,b' }],
      ['LLM_API_KEYS', { LLM_API_KEYS: '비밀' }],
      ['LLM_BASE_URL', { LLM_PROVIDER: 'openai-compatible' }],
      ['LLM_BASE_URL', { LLM_BASE_URL: 'https://user:password@example.com/v1' }],
      ['LLM_BASE_URL', { LLM_BASE_URL: 'https://example.com/v1?key=a' }],
      ['LLM_BASE_URL', { LLM_BASE_URL: 'ftp://example.com' }],
      ['LLM_CALLS', { LLM_CALLS: 'many' }],
      ['LLM_MAX_RPM', { LLM_MAX_RPM: '0' }],
      ['LLM_MAX_CONCURRENT', { LLM_MAX_CONCURRENT: '-1' }],
      ['LLM_BUDGET_MS', { LLM_BUDGET_MS: '40000' }],
      ['LLM_TIMEOUT_MS', { LLM_TIMEOUT_MS: '20000', LLM_BUDGET_MS: '10000' }],
      ['LLM_PRICES', { LLM_PRICES: 'gemini-2.5-flash=cheap' }],
      ['WRITER', { WRITER: 'gpt' }],
    ];
    for (const [variable, env] of bad) {
      test(`${JSON.stringify(env)} stops the start with ${variable}`, () => {
        assert.throws(
          () => readConfig({ ...google, ...env }),
          (error) => {
            assert.ok(error instanceof StartupError);
            assert.ok(error.message.includes(`${variable}: `), error.message);
            return !error.message.includes('비밀');
          },
        );
      });
    }
  });
});
