import '../../instrumentation.ts';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { Finding, Profiler, RuleId, TraceDetail } from '../../src/profiling/model.ts';
import { runningTelemetry } from '../../src/profiling/telemetry.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { emptyDatabaseUrl } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { briefOf, startLlmWriter } from '../support/llm-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { asRequest } from '../support/traced-work.ts';

const MARKER = '은밀한표식ZQ7';
const ROUTE = `POST ${SESSIONS}`;

const running = runningTelemetry();
assert.ok(running);
const { profiler, settle } = running;

/** Everything that anybody can get out of it. */
function all(given: Profiler): string {
  const { traces } = given.traces({ limit: 500 });
  return JSON.stringify([
    given.overview(),
    given.routes().map(({ route }) => given.route(route)),
    traces.map(({ traceId }) => given.trace(traceId)),
    given.findings(),
    given.store(),
    given.selfCost(),
  ]);
}

/** A trace when nothing of it runs any more: after the answer the pool may still be opening a connection for it. */
function endedTrace(traceId = '') {
  return eventually(async () => {
    settle();
    return profiler.trace(traceId);
  });
}

/** Without the request of the test's own client, which is in the same process. */
function unitsOf(detail: TraceDetail | undefined) {
  return (detail?.units ?? []).filter(({ route }) => route !== 'POST');
}

/** The line of this file that holds the text. */
async function lineOf(text: string): Promise<string> {
  const lines = (await readFile(import.meta.filename, 'utf8')).split('\n');
  return `test/integration/profiler.test.ts:${lines.findIndex((line) => line.includes(text)) + 1}`;
}

/** The worst finding of a rule among those of the route. */
function findingOf(route: string, rule: RuleId): Finding | undefined {
  settle();
  return profiler.route(route)?.findings.find(({ worst }) => worst.rule === rule)?.worst;
}

describe('the profiler in the service', () => {
  let service: TestService;
  let guest: Awaited<ReturnType<TestService['guest']>>;
  before(async () => {
    service = await startTestService({ DATABASE_POOL_MAX: '2' });
    guest = await service.guest();
  });
  after(() => service[Symbol.asyncDispose]());

  const post = (body: object, status: number, headers: Record<string, string> = {}) =>
    guest.post(SESSIONS).set(headers).send(body).expect(status);

  test('one trace has the request, the queue, the steps and their statements', async () => {
    const answer = await post({ selected_tag_id: 2, user_context: `${MARKER} 지쳤어요` }, 201);
    const detail = await endedTrace(answer.get('X-Trace-Id'));
    assert.equal(detail.route, ROUTE);
    const [unit, ...more] = unitsOf(detail);
    assert.deepEqual(more, []);
    const onPath = new Set(unit?.criticalPath.flatMap(({ step }) => step ?? []));
    for (const step of ['context', 'save']) assert.ok(onPath.has(step), step);
    // They run side by side: which of the two is waited for longer depends on the machine.
    assert.ok(onPath.has('sources') || onPath.has('persona'));
    assert.ok(detail.waits.some(({ wait }) => wait === 'queue'));
    const sources = detail.rows.filter(({ step, name }) => step === 'sources' && name.startsWith('SELECT '));
    assert.deepEqual(sources.map(({ name }) => name).sort(), [
      'SELECT insights',
      'SELECT policies',
      'SELECT voices',
    ]);
    assert.ok(detail.statements > 10);
  });

  test('work that goes on after a 202 joins the trace of its request', async () => {
    const answer = await post({ selected_tag_id: 3, user_context: `${MARKER} 하나` }, 202, {
      Prefer: 'respond-async',
    });
    const traceId = answer.get('X-Trace-Id') ?? '';
    const detail = await eventually(async () => {
      settle();
      const trace = profiler.trace(traceId);
      const isSaved = trace?.rows.some(({ name, status }) => name === 'save' && status === 'ok');
      // The job ends a moment after its last step.
      return isSaved && unitsOf(trace).length > 1 ? trace : undefined;
    });
    assert.deepEqual(
      unitsOf(detail).map(({ route }) => route),
      [ROUTE, 'process meari-sessions'],
    );
    assert.equal(detail.httpStatus, 202);
  });

  test('no text of a user is in anything that it tells', async () => {
    await post({ selected_tag_id: 4, user_context: MARKER }, 201);
    await post({ selected_tag_id: MARKER }, 400);
    await post({ selected_tag_id: 2, user_context: MARKER.repeat(200) }, 400);
    await guest.get(`${SESSIONS}/${encodeURIComponent(MARKER)}?q=${encodeURIComponent(MARKER)}`);
    await guest.get(`/api/v1/${encodeURIComponent(MARKER)}`);
    // A statement with a literal, and one whose error quotes the value.
    const { database } = service.container;
    await asRequest(async () => {
      await database.raw(`select '${MARKER}' as word`);
      await assert.rejects(database.raw('select ?::int', [MARKER]));
      await assert.rejects(database.raw(`select '${MARKER}'::int`));
    });
    settle();
    const told = all(profiler);
    assert.ok(told.includes(ROUTE) && told.includes('select ?::int'));
    for (const form of [MARKER, encodeURIComponent(MARKER), JSON.stringify(MARKER).slice(1, -1)]) {
      assert.ok(
        !told.includes(form),
        `${form} in ${told.slice(told.indexOf(form) - 300, told.indexOf(form) + 50)}`,
      );
    }
  });

  test('a query for each row is found, with its line', async () => {
    const { database } = service.container;
    const route = await asRequest(async () => {
      for (let id = 1; id <= 12; id++)
        await database.raw('select pg_sleep(0.004), * from tags where id = ?', [id]);
    });
    settle();
    const [group] = profiler.route(route)?.findings ?? [];
    assert.equal(group?.worst.rule, 'n-plus-one');
    assert.match(group?.worst.callSite ?? '', /^test\/integration\/profiler\.test\.ts:\d+$/);
    assert.equal(group?.worst.count, 12);
  });

  test('the same answer read twice is no query for each row', async () => {
    const { database } = service.container;
    const route = await asRequest(async () => {
      for (let round = 0; round < 12; round++)
        await database.raw('select pg_sleep(0.004), * from tags where id = ?', [7]);
    });
    settle();
    assert.deepEqual(
      profiler.route(route)?.findings.map(({ worst }) => worst.rule),
      ['redundant-reads'],
    );
  });

  test('calls of a model: the wait for the limiter, the same prompt twice, and no word of either', async () => {
    await using llm = await startLlmWriter({ protocol: 'google' });
    const { signal } = new AbortController();
    const briefs = [1, 1, 2].map((evening) => briefOf(`${MARKER} ${evening}번째 밤`));
    const route = await asRequest(async () => {
      for (const brief of briefs) await llm.writer.persona(brief, signal);
    });
    settle();
    const detail = profiler.route(route);
    const [group, ...more] = detail?.findings.filter(({ worst }) => worst.rule === 'identical-prompts') ?? [];
    assert.deepEqual([group?.worst.count, more.length], [2, 0]);
    const trace = profiler.trace(detail?.slowest[0]?.traceId ?? '');
    assert.equal(trace?.waits.filter(({ wait }) => wait === 'limiter').length, 3);
    assert.equal(trace?.rows.filter(({ name }) => name.startsWith('chat ')).length, 3);
    assert.ok(!all(profiler).includes(MARKER));
  });

  test('the same prompt in two requests is found in the second, with the line that asks', async () => {
    await using llm = await startLlmWriter({ protocol: 'google' });
    const { signal } = new AbortController();
    const ask = () => asRequest(() => llm.writer.persona(briefOf(`${MARKER} 같은 밤`), signal));
    const [first, second] = [await ask(), await ask()];
    assert.equal(findingOf(first, 'identical-prompts'), undefined);
    const found = findingOf(second, 'identical-prompts');
    assert.deepEqual([found?.evidence.prompts, found?.evidence.requests], [2, 2]);
    assert.match(found?.callSite ?? '', /^src\/writing\/llm\/ask\.ts:\d+$/);
    assert.ok(!all(profiler).includes(MARKER));
  });

  test('waiting for a connection is a band, and a finding', async () => {
    const { database } = service.container;
    const route = await asRequest(async () => {
      await Promise.all([1, 2, 3, 4].map((id) => database.raw('select pg_sleep(0.1), ?::int', [id])));
    });
    settle();
    const detail = profiler.route(route);
    assert.ok(detail?.findings.some(({ worst }) => worst.rule === 'pool-exhausted'));
    const [slowest] = detail?.slowest ?? [];
    const waits = profiler.trace(slowest?.traceId ?? '')?.waits.filter(({ wait }) => wait === 'pool');
    assert.equal(waits?.length, 2);
  });

  test('a slow statement has its line the first time, though it runs but once', async () => {
    const { database } = service.container;
    const route = await asRequest(async () => {
      await database.raw('select pg_sleep(0.55), 1 as slow'); // the slow one
    });
    assert.equal(findingOf(route, 'slow-statement')?.callSite, await lineOf('// the ' + 'slow one'));
  });

  test('who waits for a connection is named by its line', async () => {
    const { database } = service.container;
    const route = await asRequest(async () => {
      const read = async (id: number) => {
        await database.raw('select pg_sleep(0.1), ?::int', [id]); // the waiting one
      };
      await Promise.all([1, 2, 3, 4].map(read));
    });
    assert.equal(findingOf(route, 'pool-exhausted')?.callSite, await lineOf('// the ' + 'waiting one'));
  });

  describe('what a pool of pg sends from its callbacks has the line that asked for it', () => {
    let pool: pg.Pool;
    before(() => {
      pool = new pg.Pool({ connectionString: emptyDatabaseUrl(), max: 2 });
    });
    after(() => pool.end());

    test('one after the other', async () => {
      const route = await asRequest(async () => {
        for (let id = 0; id < 12; id++) {
          await pool.query('select pg_sleep(0.004), $1::int as one', [id]); // one by one
        }
      });
      assert.equal(findingOf(route, 'n-plus-one')?.callSite, await lineOf('// one by ' + 'one'));
    });

    test('all at the same time, and waiting for each other', async () => {
      const route = await asRequest(async () => {
        const read = async (id: number) => {
          await pool.query('select pg_sleep(0.02), $1::int as all', [id]); // all at once
        };
        await Promise.all(Array.from({ length: 12 }, (_, id) => read(id)));
      });
      const line = await lineOf('// all at ' + 'once');
      assert.equal(findingOf(route, 'n-plus-one')?.callSite, line);
      assert.equal(findingOf(route, 'pool-exhausted')?.callSite, line);
    });

    test('two statements in turn, each with its own', async () => {
      const route = await asRequest(async () => {
        for (let id = 0; id < 12; id++) {
          await pool.query('select pg_sleep(0.004), $1::int as first', [id]); // in turn
          await pool.query('select pg_sleep(0.006), $1::int as second', [id]); // and the other
        }
      });
      settle();
      const lines = profiler.route(route)?.findings.map(({ worst }) => worst.callSite);
      assert.deepEqual(lines?.toSorted(), [
        await lineOf('// in ' + 'turn'),
        await lineOf('// and the ' + 'other'),
      ]);
    });
  });

  test('the event loop blocked is put down to the request that did it', async () => {
    // Again where the machine itself was away: what it held up is nobody's block.
    await eventually(async () => {
      const route = await asRequest(async () => {
        const until = performance.now() + 400;
        while (performance.now() < until);
        // The timer that notices runs before the answer does.
        await new Promise((resolve) => setTimeout(resolve, 60));
      });
      settle();
      const { findings = [] } = profiler.route(route) ?? {};
      return findings.some(({ worst }) => worst.rule === 'event-loop-blocked') ? true : undefined;
    });
  });

  test('the real pipeline has no loop of queries, and nothing in sequence that need not be', async () => {
    const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const writer = createLocalWriter();
    await using slow = await startTestService(
      {},
      { writer: { ...writer, persona: (...brief) => delay(150).then(() => writer.persona(...brief)) } },
    );
    const agent = await slow.guest();
    const answer = await agent.post(SESSIONS).send({ selected_tag_id: 6, user_context: 'x' }).expect(201);
    const { findingDetails } = await endedTrace(answer.get('X-Trace-Id'));
    const rules = findingDetails.map(({ rule }) => rule);
    assert.ok(!rules.includes('n-plus-one') && !rules.includes('sequential-steps'), String(rules));
  });
});
