import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { finishedSessionSchema } from '../../src/domain/session.ts';
import { createTestDatabase } from '../support/database.ts';
import { type Call, startFakeModel } from '../support/fake-model/fake-model.ts';
import { SESSIONS } from '../support/paths.ts';
import { startRedis } from '../support/redis.ts';
import { startScaledService } from '../support/scaled-service.ts';

/** What counts as a minute here. Sixty calls in it, eight at once, and a hundred sessions of three calls. */
const MINUTE_MS = 1_500;
const PER_MINUTE = 60;
const AT_ONCE = 8;
const SESSION_COUNT = 100;
const PROCESSES = 3;

test('100 sessions at once over 3 processes: the limits hold, all are completed, in a fair order', async () => {
  await using redis = await startRedis();
  await using model = await startFakeModel({
    pace: { firstTokenMs: () => 40, tokensPerSecond: () => 5_000 },
  });
  const database = await createTestDatabase();
  const env = {
    WRITER: 'llm',
    LLM_PROVIDER: 'google',
    LLM_BASE_URL: model.baseUrl('google'),
    LLM_MODEL: 'gemini-2.5-flash',
    LLM_API_KEYS: 'key-one',
    LLM_MAX_RPM: String(PER_MINUTE),
    LLM_MAX_CONCURRENT: String(AT_ONCE),
    LLM_BUDGET_MS: '28000',
    SESSION_CONCURRENCY: String(SESSION_COUNT),
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
  };
  await using line = await watchLine(redis.url);
  await using services = new AsyncDisposableStack();
  const urls: string[] = [];
  for (let n = 0; n < PROCESSES; n++) {
    urls.push(services.use(await startScaledService(env, MINUTE_MS)).url);
  }

  // Each guest has a process of their own choice; all come at the same time.
  const cookies = await Promise.all(
    Array.from({ length: SESSION_COUNT }, (_, n) => newGuest(urls[n % PROCESSES] as string)),
  );
  const completed: number[] = [];
  await Promise.all(
    cookies.map(async (cookie, n) => {
      const response = await fetch(urls[n % PROCESSES] + SESSIONS, {
        method: 'POST',
        headers: { Cookie: cookie, 'Content-Type': 'application/json' },
        body: JSON.stringify({ selected_tag_id: 2, user_context: `${n}번째 밤이에요` }),
      });
      assert.equal(response.status, 201);
      assert.equal(finishedSessionSchema.parse(await response.json()).degraded, false);
      completed.push(n);
    }),
  );

  assert.equal(completed.length, SESSION_COUNT);
  assert.equal(model.calls.length, 3 * SESSION_COUNT);
  assert.deepEqual(model.badRequests, []);
  checkLimits(model.calls);
  assert.equal(line.passed.length, 3 * SESSION_COUNT);
  // As many as there are places may be let pass in any order among themselves.
  for (const { ticket, before } of line.passed)
    assert.ok(before < AT_ONCE, `${before} were before ${ticket}`);
  await services.disposeAsync();
  await database.drop();
});

/** As the provider sees it: at each call, those that run and those that began within the minute before it. */
function checkLimits(calls: readonly Call[]): void {
  for (const { startedAt } of calls) {
    const running = calls.filter(
      (call) => call.startedAt <= startedAt && startedAt < (call.endedAt ?? Infinity),
    );
    assert.ok(running.length <= AT_ONCE, `${running.length} at once`);
    const counted = calls.filter(
      (call) => startedAt - MINUTE_MS < call.startedAt && call.startedAt <= startedAt,
    );
    assert.ok(counted.length <= PER_MINUTE, `${counted.length} in a minute`);
  }
}

/**
 * Listens to what the processes say to Redis: who came to the line, who was let pass, and how many of those who had
 * come earlier were still waiting then.
 */
async function watchLine(url: string) {
  const redis = new Redis(url);
  const monitor = await redis.monitor();
  const waiting = new Set<string>();
  const passed: { ticket: string; before: number }[] = [];
  monitor.on('monitor', (_time: string, [command = '', key = '', , ticket = '']: string[]) => {
    if (command.toUpperCase() !== 'ZADD') return;
    if (key.endsWith(':waiting')) waiting.add(ticket);
    if (key.endsWith(':running')) {
      passed.push({ ticket, before: [...waiting].indexOf(ticket) });
      waiting.delete(ticket);
    }
  });
  return {
    passed,
    async [Symbol.asyncDispose]() {
      monitor.disconnect();
      redis.disconnect();
    },
  };
}

async function newGuest(url: string): Promise<string> {
  const response = await fetch(`${url}/auth/guest`, { method: 'POST' });
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}
