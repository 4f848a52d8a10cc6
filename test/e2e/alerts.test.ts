import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { SESSIONS } from '../support/paths.ts';
import { type Fleet, startFleet } from '../support/prometheus/fleet.ts';
import { startPrometheus, type TestPrometheus } from '../support/prometheus/prometheus.ts';
import { selectorsOf } from '../support/prometheus/promql.ts';
import { readAlerts, readRecordings } from '../support/prometheus/rule-files.ts';
import { type ScaledRules, scaleRules } from '../support/prometheus/scaled-rules.ts';

/** Five minutes are less than four seconds: five readings. */
const FASTER = 80;
const READ_EVERY_MS = 750;
const USERS = 6;

/** Of alerts with several windows, the one with the shortest: the others last longer than a test. */
const SHORTEST: Readonly<Record<string, string>> = {
  MeariFallbackShare: 'severity="page"',
  MeariAvailabilityBudgetBurn: 'window="1h"',
};

type User = Awaited<ReturnType<Fleet['guest']>>;

describe('alerts, in a Prometheus that reads real processes while they are hurt', () => {
  let fleet: Fleet;
  let rules: ScaledRules;
  let prometheus: TestPrometheus;
  before(async () => {
    fleet = await startFleet();
    rules = await scaleRules(FASTER);
    prometheus = await startPrometheus({
      targets: { 'meari-api': [fleet.api.opsUrl], 'meari-worker': [fleet.worker.opsUrl] },
      ruleFiles: rules.ruleFiles,
      intervalMs: READ_EVERY_MS,
    });
    // Meanwhile Prometheus gets ready to read.
    await fleet.ready;
    await prometheus.scraped();
  });
  after(async () => {
    await prometheus[Symbol.asyncDispose]();
    await rules[Symbol.asyncDispose]();
    await fleet[Symbol.asyncDispose]();
  });

  const isFiring = (alert: string) =>
    `ALERTS{alertname="${alert}", alertstate="firing", ${SHORTEST[alert] ?? ''}}`;

  /** Hurts the service: none of the alerts fires before, each of them does then, and none any longer afterwards. */
  async function raises(alerts: readonly string[], hurt: () => Promise<void>, mend: () => Promise<void>) {
    for (const alert of alerts) {
      assert.deepEqual(
        await prometheus.query(isFiring(alert)),
        [],
        `${alert} fires before there is a reason`,
      );
    }
    await hurt();
    try {
      for (const alert of alerts) await prometheus.until(isFiring(alert));
    } finally {
      await mend();
    }
    for (const alert of alerts) await prometheus.until(`absent(${isFiring(alert)})`);
  }

  /** The same request again and again, each after the answer to the last one, until the end of its scope. */
  function again(ask: () => PromiseLike<unknown>): AsyncDisposable {
    let goesOn = true;
    const running = (async () => {
      while (goesOn) await ask();
    })();
    return {
      async [Symbol.asyncDispose]() {
        goesOn = false;
        await running;
      },
    };
  }

  const createSession = (user: User, prefer = '') =>
    user.post(SESSIONS).set('Prefer', prefer).send({ selected_tag_id: 2, user_context: '쉬어도 피곤해요' });

  test('every rule can be evaluated', async () => {
    const user = await fleet.guest();
    const { body } = await createSession(user).expect(201);
    await user.get(`${SESSIONS}/${body.session_id}/events`).expect(200);
    await prometheus.scraped();
    const loaded = await prometheus.rules();
    assert.equal(loaded.length, readAlerts().length + readRecordings().length);
    const broken = loaded.filter(({ error }) => error !== '');
    assert.deepEqual(broken, []);
  });

  test('the model fails, and Redis is cut off', async () => {
    // Several at once: a session takes seconds while its calls are made again.
    const users = await Promise.all(Array.from({ length: USERS }, () => fleet.guest()));
    await using resources = new AsyncDisposableStack();
    for (const user of users) {
      resources.use(
        again(async () => {
          const { body } = await createSession(user).expect(201);
          // The first reading of a finished session asks the second level.
          await user.get(`${SESSIONS}/${body.session_id}`).expect(200);
        }),
      );
    }
    await raises(
      [
        'MeariModelFailing',
        'MeariModelBreakerOpen',
        'MeariFallbackShare',
        'MeariCacheSecondLevelDown',
        'MeariQueueFallback',
      ],
      async () => {
        fleet.model.behave(() => ({ kind: 'status', status: 503 }));
        fleet.redis.cut();
      },
      async () => {
        fleet.model.behave(() => undefined);
        await fleet.redis.restore();
      },
    );
  });

  test('the worker is killed with a session in its hands', async () => {
    await raises(
      ['MeariTargetDown', 'MeariWorkersGone', 'MeariSessionsStuck', 'MeariSessionsRecovered'],
      async () => {
        const calls = fleet.model.calls.length;
        fleet.model.behave(() => ({ kind: 'hang', when: 'before' }));
        await createSession(await fleet.guest(), 'respond-async').expect(202);
        await fleet.model.until(() => fleet.model.calls.length > calls);
        fleet.worker.child.kill('SIGKILL');
      },
      async () => {
        fleet.model.behave(() => undefined);
        await fleet.replaceWorker();
      },
    );
  });

  test('the database is cut off', async () => {
    const user = await fleet.guest();
    await using _users = again(() => user.get(SESSIONS));
    // Who is not known yet is refused before there is a route.
    await using _strangers = again(async () => (await fetch(`${fleet.api.url}${SESSIONS}`, STRANGER)).text());
    await raises(
      ['MeariDatabaseUnreachable', 'MeariAvailabilityBudgetBurn'],
      async () => fleet.postgres.cut(),
      () => fleet.postgres.restore(),
    );
  });

  test('every series that a rule asks for is there', async () => {
    const selectors = [...readAlerts(), ...readRecordings()].flatMap(({ expr }) => selectorsOf(expr));
    const missing: string[] = [];
    for (const selector of new Set(selectors)) {
      // Some were there only while something was broken.
      if ((await prometheus.query(`last_over_time(${selector}[10m])`)).length === 0) missing.push(selector);
    }
    assert.deepEqual(missing, []);
  });

  test('every metric that documents and the autoscaler name is there', async () => {
    const names = await prometheus.metricNames();
    const isThere = (metric: string) =>
      names.some((name) => name.replace(/_(?:bucket|count|sum)$/, '') === metric || name === metric);
    const missing = [...new Set([...documentedMetrics(), ...adapterMetrics()])].filter(
      (name) => !isThere(name),
    );
    assert.deepEqual(missing, []);
  });
});

const PROJECT = new URL('../../', import.meta.url).pathname;
/** A table of the database, and what the adapter makes of our series. */
const NO_METRICS = ['meari_sessions', 'meari_sessions_unfinished'];

function documentedMetrics(): string[] {
  const files = [...globSync('docs/*.md', { cwd: PROJECT }), 'README.md', 'README.ko.md'];
  const code = files.flatMap((file) => readFileSync(PROJECT + file, 'utf8').match(/`[^`\n]+`/g) ?? []);
  const found = code.flatMap(
    (text) =>
      text.match(/\b(?:meari|http_server|db_client|gen_ai|nodejs|v8js|process)(?:_\w+|:\w+:\w+)/g) ?? [],
  );
  assert.ok(found.length > 20, `${found.length}`);
  return found.filter((name) => !NO_METRICS.includes(name));
}

function adapterMetrics(): string[] {
  const { rules } = parse(readFileSync(`${PROJECT}deploy/prometheus-adapter.yaml`, 'utf8'));
  return rules.external.map(({ seriesQuery }: { seriesQuery: string }) => seriesQuery.replace(/\{.*/, ''));
}

const STRANGER = { headers: { Cookie: `meari_session=${'a'.repeat(43)}` } };
