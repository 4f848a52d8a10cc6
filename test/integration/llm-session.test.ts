import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Overrides } from '../../src/container.ts';
import { finishedSessionSchema } from '../../src/domain/session.ts';
import { streamLineSchema } from '../../src/http/stream-schemas.ts';
import { corpusOf } from '../support/corpus.ts';
import { type FakeModelOptions, type Fault, startFakeModel } from '../support/fake-model/fake-model.ts';
import { PROTOCOLS, type ProtocolName } from '../support/llm-writer.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService } from '../support/service.ts';
import { openStream } from '../support/stream-client.ts';

const BODY = { selected_tag_id: 2, user_context: '매일 야근하고 집에 오면 아무것도 못 하겠어요' };

interface StartOptions extends FakeModelOptions {
  readonly protocol: ProtocolName;
  readonly env?: Record<string, string>;
  readonly overrides?: Overrides;
}

/** The whole service with a key in its environment, and the model's server. */
async function start({ protocol, env = {}, overrides = {}, ...options }: StartOptions) {
  const model = await startFakeModel(options);
  const service = await startTestService(
    {
      WRITER: 'llm',
      LLM_PROVIDER: protocol,
      LLM_BASE_URL: model.baseUrl(protocol),
      LLM_MODEL: 'gemini-2.5-flash',
      LLM_API_KEYS: 'key-one',
      ...env,
    },
    overrides,
  );
  const login = await fetch(`${service.url}/auth/guest`, { method: 'POST' });
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  return {
    model,
    service,
    post: (query: string, headers: Record<string, string> = {}) =>
      openStream(service.url + SESSIONS + query, {
        method: 'POST',
        headers: { Cookie: cookie, 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(BODY),
      }),
    follow: (path: string, headers: Record<string, string> = {}) =>
      openStream(`${service.url}${SESSIONS}/${path}`, { headers: { Cookie: cookie, ...headers } }),
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
    },
  };
}

/** With the fewest and the most calls that the three parts together make of it. */
const FAULTS: [string, Fault, least: number, most: number][] = [
  ['401', { kind: 'status', status: 401 }, 1, 3],
  ['429 with Retry-After', { kind: 'status', status: 429, retryAfterSeconds: 60 }, 1, 3],
  ['429 without Retry-After', { kind: 'status', status: 429 }, 1, 9],
  ['500', { kind: 'status', status: 500 }, 5, 9],
  ['a cut connection', { kind: 'cut', when: 'middle' }, 5, 9],
  ['a hang', { kind: 'hang', when: 'before' }, 5, 9],
  ['a hang in the answer', { kind: 'hang', when: 'middle' }, 5, 9],
  ['truncated JSON', { kind: 'truncated' }, 6, 6],
  ['no JSON', { kind: 'says', text: '{"summary": ' }, 6, 6],
  ['another schema', { kind: 'says', text: '{"summary": []}' }, 6, 6],
  ['a content filter', { kind: 'blocked' }, 3, 3],
];

for (const protocol of PROTOCOLS) {
  describe(`sessions written by ${protocol}`, () => {
    test('a session of three calls, not degraded', async () => {
      await using api = await start({ protocol });
      const { response } = await api.post('');
      assert.equal(response.status, 201);
      const session = finishedSessionSchema.parse(await response.json());
      assert.equal(session.degraded, false);
      assert.deepEqual(api.model.calls.map(({ part }) => part).toSorted(), [
        'empathy',
        'persona',
        'reflection',
      ]);
      assert.deepEqual(api.model.badRequests, []);
    });

    for (const [name, fault, least, most] of FAULTS) {
      test(`${name}: a correct session all the same, degraded`, async () => {
        // Short where it is waited for: on a busy machine the calls that are counted would run into it.
        const env = { LLM_TIMEOUT_MS: fault.kind === 'hang' ? '200' : '3000', LLM_BUDGET_MS: '3000' };
        await using api = await start({ protocol, env, behave: () => fault });
        const { response } = await api.post('');
        assert.equal(response.status, 201);
        const session = finishedSessionSchema.parse(await response.json());
        assert.equal(session.degraded, true);
        const { length } = api.model.calls;
        assert.ok(least <= length && length <= most, `${length} calls`);
        assert.deepEqual(api.model.badRequests, []);
      });
    }

    test('the budget is one for the session: the parts after one that has spent it are not asked for', async () => {
      const spent = Promise.withResolvers<void>();
      const sources = {
        async forTag(tagId: number) {
          await spent.promise;
          return corpusOf(tagId);
        },
      };
      await using api = await start({
        protocol,
        overrides: { sources },
        env: { LLM_TIMEOUT_MS: '1000', LLM_BUDGET_MS: '1000' },
        behave: () => ({ kind: 'hang', when: 'before' }),
      });
      const stream = await api.post('', { Accept: 'application/x-ndjson' });
      let line = await stream.next();
      while (line && line.status !== 'persona_created') line = await stream.next();
      spent.resolve();
      const lines = await stream.rest();
      const session = finishedSessionSchema.parse(lines.at(-1)?.data);
      assert.equal(session.degraded, true);
      assert.deepEqual(
        api.model.calls.filter(({ part }) => part !== 'persona'),
        [],
      );
    });

    test('one part that fails is degraded alone, and the session says so', async () => {
      await using api = await start({
        protocol,
        behave: ({ part }) => (part === 'empathy' ? { kind: 'blocked' } : undefined),
      });
      const { response } = await api.post('');
      const session = finishedSessionSchema.parse(await response.json());
      assert.equal(session.degraded, true);
      assert.equal(api.model.calls.length, 3);
    });

    test('LLM_CALLS=single: one call a session', async () => {
      await using api = await start({ protocol, env: { LLM_CALLS: 'single' } });
      const { response } = await api.post('');
      assert.equal(finishedSessionSchema.parse(await response.json()).degraded, false);
      assert.deepEqual(
        api.model.calls.map(({ part }) => part),
        ['session'],
      );
    });
  });
}

describe('deltas', () => {
  const pace = { firstTokenMs: () => 30, tokensPerSecond: () => 150 };

  for (const accept of ['application/x-ndjson', 'text/event-stream']) {
    test(`${accept}: the words while they are written, before the part that they become`, async () => {
      await using api = await start({ protocol: 'google', pace });
      const startedAt = performance.now();
      const stream = await api.post('?deltas=1', { Accept: accept });
      const lines = await stream.rest();
      const elapsedMs = performance.now() - startedAt;
      for (const line of lines) streamLineSchema.parse(line);
      for (const step of ['persona', 'empathy', 'reflection']) {
        const created = lines.findIndex(({ status }) => status === `${step}_created`);
        const deltas = lines.filter((line) => line.status === 'delta' && line.step === step);
        assert.ok(deltas.length >= 2, `${deltas.length} deltas of ${step}`);
        assert.ok(
          deltas.length <= elapsedMs / 100 + 1,
          `${deltas.length} deltas of ${step} in ${elapsedMs} ms`,
        );
        assert.ok(lines.findLastIndex((line) => line.step === step) < created);
        const whole = lines[created]?.data;
        const data = deltas.at(-1)?.data;
        if (step === 'persona') assert.ok(whole.summary.startsWith(data.summary));
        else assert.ok(whole.cards[0].content.startsWith(data.cards[0].content.slice(0, 20)));
      }
      const numbered = lines.filter(({ status }) => status !== 'delta').map(({ seq }) => seq);
      assert.deepEqual(numbered, [1, 2, 3, 4, 5, 6]);

      const id = lines[0]?.session_id;
      const replay = await (await api.follow(`${id}/events?deltas=1`, { Accept: accept })).rest();
      assert.ok(replay.every(({ status }) => status !== 'delta'));
      assert.equal(replay.length, 6);
    });
  }

  test('who does not ask for them gets none; who comes later gets those to come', async () => {
    await using api = await start({ protocol: 'openai-compatible', pace });
    const plain = await api.post('', { Accept: 'application/x-ndjson' });
    const id = (await plain.next())?.session_id;
    await api.model.until(() => api.model.calls.length === 3);
    const late = await api.follow(`${id}/events?after=1&deltas=1`);
    const [lines, lateLines] = await Promise.all([plain.rest(), late.rest()]);
    assert.ok(lines.every(({ status }) => status !== 'delta'));
    assert.ok(lateLines.some(({ status }) => status === 'delta'));
    assert.deepEqual(
      lateLines.filter(({ status }) => status !== 'delta').map(({ seq }) => seq),
      [2, 3, 4, 5, 6],
    );
  });

  test('a wrong value of the parameter is refused', async () => {
    await using api = await start({ protocol: 'google' });
    const { response } = await api.post('?deltas=maybe');
    assert.equal(response.status, 400);
    assert.equal(((await response.json()) as { detail: string }).detail.includes('deltas'), true);
  });
});
