import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Knex } from 'knex';
import pg from 'pg';
import supertest from 'supertest';
import { createExecutionRepository } from '../../src/store/repositories/execution-repository.ts';
import { createSessionRepository } from '../../src/store/repositories/session-repository.ts';
import { createUserRepository } from '../../src/store/repositories/user-repository.ts';
import { SESSIONS } from '../support/paths.ts';
import { recordStatements, type Statement } from '../support/query-budget.ts';
import { startTestService, type TestService } from '../support/service.ts';

/** Tables that grow with users and sessions; tags and corpus fit on a page or two. */
const BIG = ['meari_sessions', 'cards', 'personas', 'session_steps', 'users', 'login_sessions'];
const USERS = 10_000;
const GENERATED_SESSIONS = 100_000;

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}

/** Rows as many sessions leave, in the server itself; without checks of foreign keys, which hold by construction. */
async function generate(database: Knex): Promise<void> {
  // Not by the service's own connections: their time limits are for statements of a few rows.
  const { connectionString } = database.client.config.connection;
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(`
      set session_replication_role = replica;
      insert into users (id, nickname)
        select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'generated'
        from generate_series(1, ${USERS}) as n;
      insert into login_sessions (token_hash, user_id, expires_at)
        select sha256(id::text::bytea), id, now() + interval '1 day' from users where nickname = 'generated';
      insert into meari_sessions (id, user_id, tag_id, status, crisis, created_at, started_at, completed_at,
          empathy_summary, reflection_summary)
        select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
          ('00000000-0000-7000-8000-' || lpad(to_hex(n % ${USERS} + 1), 12, '0'))::uuid,
          2, 'completed', false, now() - interval '1 day', now() - interval '1 day', now() - interval '1 day',
          '{"title":"t","emotion_keywords":["k"],"quotes_used":[]}', '{"title":"t","key_message":"m","insights":{}}'
        from generate_series(1, ${GENERATED_SESSIONS}) as n;
      insert into personas (session_id, depth, depth_label, summary, characteristics, needs, growth_direction)
        select id, 'surface', '초기 이해', 's', '{c}', '{n}', 'g' from meari_sessions where tag_id = 2;
      insert into cards (session_id, kind, position, body)
        select s.id, kind, position, '{"title":"t","content":"c"}'
        from meari_sessions as s, unnest(array['empathy', 'reflection']) as kind, generate_series(1, 3) as position
        where s.created_at < now() - interval '1 hour';
      insert into session_steps (session_id, name, duration_ms)
        select s.id, name, 1 from meari_sessions as s, unnest(array['context', 'persona', 'save']) as name
        where s.created_at < now() - interval '1 hour';
    `);
    await client.query('analyze');
  } finally {
    await client.end();
  }
}

describe(`query plans on ${GENERATED_SESSIONS} sessions`, () => {
  let service: TestService;
  const statements = new Map<string, Statement>();
  before(async () => {
    service = await startTestService();
    await generate(service.container.database);
    const stop = recordStatements(service.container.database, (statement) =>
      statements.set(statement.sql, statement),
    );
    await useEverything(service);
    stop();
  });
  after(() => service[Symbol.asyncDispose]());

  /** Every route of the API, and with them the executor; the recovery looks once a second by itself. */
  async function useEverything({ url }: TestService): Promise<void> {
    const guest = supertest.agent(url);
    await guest.post('/auth/guest').expect(201);
    await guest.get('/auth/me').expect(200);
    const send = (body: object) => guest.post(SESSIONS).set('Idempotency-Key', 'key').send(body);
    const { body } = await send({ selected_tag_id: 2 }).expect(201);
    await send({ selected_tag_id: 2 }).expect(201);
    await guest.post(SESSIONS).send({ selected_tag_id: 3 }).expect(201);
    const page = await guest.get(SESSIONS).query({ limit: 1 }).expect(200);
    await guest.get(SESSIONS).query({ limit: 100, cursor: page.body.next_cursor }).expect(200);
    await guest.get(`${SESSIONS}/${body.session_id}`).expect(200);
    await guest.get(`${SESSIONS}/${body.session_id}/status`).expect(200);
    await guest.get(`${SESSIONS}/${body.session_id}/events`).expect(200);
    await guest.delete(`${SESSIONS}/${body.session_id}`).expect(204);
    await guest.get('/api/v1/tags').expect(200);
    await guest.post('/auth/logout').expect(204);
    await supertest(service.opsUrl).get('/metrics').expect(200);
    await usedByOthers(service.container.database, body.session_id);
  }

  /** What recovery, executors and followers ask beside. */
  async function usedByOthers(database: Knex, id: string): Promise<void> {
    const sessions = createSessionRepository(database);
    const executions = createExecutionRepository(database);
    const lease = { sessionId: id, fence: 1 };
    await sessions.queuedBefore(id);
    await sessions.versions([id]);
    await executions.renew(lease, 1_000);
    await executions.release(lease, { countsAsAttempt: true });
    await executions.fail(lease, 'timeout');
    await executions.takeForgotten(10, 10);
    await executions.failExhausted(5);
    await createUserRepository(database).extendLogin(Buffer.from('nobody'), new Date());
  }

  test('statements with parameters are prepared', async () => {
    const connection = await service.container.database.client.acquireConnection();
    const { rows } = await connection.query('select count(*)::int as prepared from pg_prepared_statements');
    await service.container.database.client.releaseConnection(connection);
    assert.ok(rows[0].prepared > 0);
  });

  test('no statement of a request or an executor reads a big table from end to end', async () => {
    const database = service.container.database;
    const seen: string[] = [];
    for (const { sql, bindings, callSite } of statements.values()) {
      if (!/^\s*(select|update|delete|with|insert into meari_sessions)/i.test(sql)) continue;
      seen.push(callSite);
      // As it is planned for these values, and as a prepared statement that has run often is planned for any.
      for (const plan of [await explain(database, sql, bindings), await explainForAny(database, sql)]) {
        const scanned = nodesOf(plan).filter(
          (node) => node['Node Type'] === 'Seq Scan' && BIG.includes(node['Relation Name'] ?? ''),
        );
        assert.deepEqual(scanned, [], `${sql}\n  at ${callSite}`);
      }
    }
    for (const repository of ['session', 'execution', 'user']) {
      assert.ok(
        seen.some((site) => site.includes(`${repository}-repository`)),
        `${repository} was used`,
      );
    }
    assert.ok(seen.length >= 20, `${seen.length} statements were explained`);
  });

  test('a page is found by its key, however far back, and not by counting rows off', () => {
    const pages = [...statements.keys()].filter((sql) => /order by "s"\."id" desc/.test(sql));
    assert.ok(pages.some((sql) => /"s"\."id" < \$/.test(sql)));
    assert.ok(![...statements.keys()].some((sql) => /\boffset\b/i.test(sql)));
  });

  const explain = (database: Knex, sql: string, bindings: readonly unknown[]) =>
    planOf(database, `explain (format json) ${sql}`, bindings);
  const explainForAny = (database: Knex, sql: string) =>
    planOf(database, `explain (format json, generic_plan) ${sql}`, []);

  async function planOf(database: Knex, sql: string, bindings: readonly unknown[]): Promise<Plan> {
    const connection = await database.client.acquireConnection();
    try {
      const { rows } = await connection.query(sql, bindings);
      return rows[0]['QUERY PLAN'][0].Plan;
    } finally {
      await database.client.releaseConnection(connection);
    }
  }
});

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
