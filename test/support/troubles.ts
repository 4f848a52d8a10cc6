import '../../instrumentation.ts';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis as RedisClient } from 'ioredis';
import type { Knex } from 'knex';
import type { RuleId } from '../../src/profiling/model.ts';
import { createStepRecorder } from '../../src/profiling/step.ts';
import { openTestCache } from './cache.ts';
import { briefOf, startLlmWriter } from './llm-writer.ts';
import { startRedis } from './redis.ts';
import { asRequest } from './traced-work.ts';

/** Required: modules of ESM have been looked up before the first of them runs, and this one then is not instrumented. */
const { Redis } = createRequire(import.meta.url)('ioredis') as typeof import('ioredis');

/** Milliseconds of work in one go: short, so that a machine with other things to do is likely to let it through. */
const BLOCK_MS = 180;
/** Calls of each loop. */
const CALLS = 12;

/**
 * What the profiler has rules for, done for real: by rule, what sends the request that does it, and resolves to its
 * route. And one that waits for all that can be waited for.
 *
 * @param database whose pool has two connections, and is watched as that of the service is.
 */
export async function openTroubles(database: Knex) {
  await using resources = new AsyncDisposableStack();
  const server = resources.use(await startRedis());
  const redis: RedisClient = new Redis(server.url);
  resources.defer(() => redis.disconnect());
  const llm = resources.use(
    await startLlmWriter({
      protocol: 'google',
      settings: { limits: { perWindow: Number.POSITIVE_INFINITY, windowMs: 60_000, atOnce: 1 } },
      pace: { firstTokenMs: () => 150, tokensPerSecond: () => 2_000 },
    }),
  );
  const { cache, close } = await openTestCache({ ttlMs: 60_000 });
  resources.defer(close);
  const neighbour = createServer((_req, res) => void delay(5).then(() => res.end('{}'))).listen(
    0,
    '127.0.0.1',
  );
  await once(neighbour, 'listening');
  resources.defer(() => {
    neighbour.close();
    neighbour.closeAllConnections();
  });
  const things = `http://127.0.0.1:${(neighbour.address() as AddressInfo).port}/things`;
  const record = createStepRecorder({
    metric: { name: 'test.trouble.duration', description: 'Duration of a step that is in trouble.' },
  });
  const { signal } = new AbortController();
  const persona = (words: string) => llm.writer.persona(briefOf(words), signal);

  const work: Readonly<Record<RuleId, () => Promise<unknown>>> = {
    async 'n-plus-one'() {
      for (let id = 1; id <= CALLS; id++) {
        await database.raw('select pg_sleep(0.005), * from tags where id = ?', [id]);
      }
    },
    async 'redundant-reads'() {
      for (let round = 0; round < 6; round++) {
        await database.raw('select pg_sleep(0.005), name from tags where id = ?', [1]);
      }
    },
    async 'redis-n-plus-one'() {
      // As long as five slow ones, however fast this machine is: a pause of the server, and then the reads.
      await redis.client('PAUSE', 40, 'ALL');
      for (let id = 1; id <= CALLS; id++) await redis.get(`things:${id}`);
    },
    async 'http-n-plus-one'() {
      for (let id = 1; id <= CALLS; id++) await (await fetch(`${things}/${id}`)).json();
    },
    async 'sequential-steps'() {
      await record({ name: 'sources', after: [] }, {}, () => delay(20));
      await record({ name: 'empathy', after: ['sources'] }, {}, () => delay(150));
      await record({ name: 'reflection', after: ['sources'] }, {}, () => delay(150));
    },
    async 'slow-statement'() {
      await database.raw('select pg_sleep(0.55), count(*) from tags');
    },
    async 'pool-exhausted'() {
      await Promise.all([1, 2, 3, 4].map((id) => database.raw('select pg_sleep(0.1), ?::int', [id])));
    },
    'model-dominates': () => persona('혼자 걷는 밤'),
    async 'identical-prompts'() {
      for (let round = 0; round < 3; round++) await persona('같은 밤');
    },
    async 'cache-not-paying'() {
      // A span keeps 64 events: not all look-ups can be in one.
      for (const part of ['first', 'second', 'third']) {
        await record({ name: `${part} words`, after: [] }, {}, async () => {
          for (let id = 0; id < 40; id++)
            await cache.get([part, String(id)], async () => ({ text: 'a word' }));
        });
      }
    },
    async 'event-loop-blocked'() {
      await record({ name: 'render', after: [] }, {}, async () => renderSlowly());
      // The timer that notices runs before the answer does.
      await delay(60);
    },
  };

  const held = resources.move();
  return {
    troubles: Object.entries(work).map(([rule, run]) => ({
      rule: rule as RuleId,
      send: () => asRequest(run, `/troubles/${rule}`),
    })),
    /** Three statements over two connections, a call of a model behind its limiter, and a while that nobody explains. */
    waits: () =>
      asRequest(async () => {
        await Promise.all([1, 2, 3].map((id) => database.raw('select pg_sleep(0.1), ?::int', [id])));
        await Promise.all([persona('한 밤'), persona('다른 밤')]);
        await delay(150);
        await database.raw('select 1');
      }, '/troubles/waits'),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function renderSlowly(): void {
  const until = performance.now() + BLOCK_MS;
  while (performance.now() < until);
}
