import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeepPartial, DeltaReader } from '../../src/domain/ports.ts';
import { empathySchema, personaSchema, reflectionSchema } from '../../src/domain/session.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';
import { corpusOf } from '../support/corpus.ts';
import type { Call, Fault } from '../support/fake-model/fake-model.ts';
import { briefOf, PROTOCOLS, startLlmWriter } from '../support/llm-writer.ts';

const { signal } = new AbortController();
const BRIEF = briefOf('매일 야근하고 집에 오면 아무것도 못 하겠어요');

function keysOf(value: object): Set<string> {
  return new Set(Object.keys(value));
}

/** Keeps every delta. */
function readerOf<Part>(deltas: DeepPartial<Part>[]): DeltaReader<Part> {
  return { isWanted: () => true, tell: (soFar) => deltas.push(soFar) };
}

/** The fault for the first calls, and a good answer for those after. */
function first(count: number, fault: Fault): (call: Call) => Fault | undefined {
  return ({ number }) => (number <= count ? fault : undefined);
}

for (const protocol of PROTOCOLS) {
  describe(`model behind ${protocol}`, () => {
    test('writes three parts by three calls with the schema', async () => {
      await using llm = await startLlmWriter({ protocol });
      for (let round = 1; round <= 3; round++) {
        const [persona, empathy, reflection] = await Promise.all([
          llm.writer.persona(BRIEF, signal),
          llm.writer.empathy(BRIEF, signal),
          llm.writer.reflection(BRIEF, signal),
        ]);
        personaSchema.parse(persona.part);
        empathySchema.parse(empathy.part);
        reflectionSchema.parse(reflection.part);
        assert.deepEqual(
          [persona, empathy, reflection].map(({ degraded }) => degraded),
          [false, false, false],
        );
        assert.equal(llm.model.calls.length, 3 * round);
      }
      assert.deepEqual(llm.model.badRequests, []);
      assert.deepEqual(
        new Set(llm.model.calls.map(({ part, key, stream }) => `${part} ${key} ${stream}`)),
        new Set(['persona key-one true', 'empathy key-one true', 'reflection key-one true']),
      );
    });

    test('calls one after the other keep their connection', async () => {
      await using llm = await startLlmWriter({ protocol });
      for (let n = 0; n < 6; n++) {
        await llm.writer.persona(briefOf(`${n}번째 밤`), signal);
        await llm.model.until(() => llm.model.calls.every(({ endedAt }) => endedAt !== undefined));
      }
      assert.ok(llm.model.connections() <= 2, `${llm.model.connections()} connections`);
    });

    test('takes quotes, insights and policies from the sources as they stand', async () => {
      await using llm = await startLlmWriter({ protocol });
      const { part: empathy } = await llm.writer.empathy(BRIEF, signal);
      const { part: reflection } = await llm.writer.reflection(BRIEF, signal);
      const { voices, insights, policies } = corpusOf(2);
      const said = new Map(voices.map(({ text, speaker }) => [text, speaker]));
      for (const { quote_text, speaker } of empathy.cards) assert.equal(said.get(quote_text), speaker);
      assert.equal(new Set(empathy.cards.map(({ quote_text }) => quote_text)).size, 3);
      const insight = insights.find(({ problem }) => problem === reflection.insights.problem);
      assert.deepEqual(reflection.insights.causes, insight?.causes);
      assert.ok(policies.some(({ name }) => reflection.cards[2]?.content.includes(name)));
    });

    test('an unknown or repeated quote becomes another of the sources, a made-up one in the text too', async () => {
      const madeUp = '아무도 한 적이 없는 말을 길게 지어낸 인용이에요';
      await using llm = await startLlmWriter({
        protocol,
        behave: () => ({
          kind: 'changed',
          change: (answer: { cards: { voice: number; content: string }[] }) => ({
            ...answer,
            cards: answer.cards.map((card, index) => ({
              ...card,
              voice: [999, 2, 2][index],
              content: `${card.content} “${madeUp}”`,
            })),
          }),
        }),
      });
      const { part, degraded } = await llm.writer.empathy(BRIEF, signal);
      assert.equal(degraded, false);
      const texts = new Set(corpusOf(2).voices.map(({ text }) => text));
      for (const { quote_text, content } of part.cards) {
        assert.ok(texts.has(quote_text));
        assert.ok(!content.includes(madeUp));
        assert.ok(content.includes(`“${quote_text}”`));
      }
      assert.equal(new Set(part.cards.map(({ quote_text }) => quote_text)).size, 3);
      assert.equal(llm.model.calls.length, 1);
    });

    const passing: [string, Fault, calls: number][] = [
      ['500', { kind: 'status', status: 500 }, 2],
      ['503 with Retry-After', { kind: 'status', status: 503, retryAfterSeconds: 0 }, 2],
      ['429 with Retry-After', { kind: 'status', status: 429, retryAfterSeconds: 0 }, 2],
      ['429 without Retry-After', { kind: 'status', status: 429 }, 2],
      ['a connection that is cut before the answer', { kind: 'cut', when: 'before' }, 2],
      ['a connection that is cut in the answer', { kind: 'cut', when: 'middle' }, 2],
      ['a truncated answer', { kind: 'truncated' }, 2],
      ['an answer that is no JSON', { kind: 'says', text: '힘내세요, 다 잘될 거예요!' }, 2],
      ['an answer of another schema', { kind: 'says', text: '{"summary": 3, "needs": []}' }, 2],
      ['an empty answer', { kind: 'says', text: '' }, 2],
    ];
    for (const [name, fault, calls] of passing) {
      test(`${name}, once: asks again, and the model writes it`, async () => {
        await using llm = await startLlmWriter({ protocol, behave: first(1, fault) });
        const { part, degraded } = await llm.writer.persona(BRIEF, signal);
        personaSchema.parse(part);
        assert.equal(degraded, false);
        assert.equal(llm.model.calls.length, calls);
      });
    }

    const lasting: [string, Fault, calls: number][] = [
      ['401', { kind: 'status', status: 401 }, 1],
      ['400', { kind: 'status', status: 400 }, 1],
      ['500', { kind: 'status', status: 500 }, 3],
      [
        '429 with a Retry-After that is too long',
        { kind: 'status', status: 429, retryAfterSeconds: 3_600 },
        1,
      ],
      [
        '503 with a Retry-After that is too long',
        { kind: 'status', status: 503, retryAfterSeconds: 3_600 },
        1,
      ],
      ['429 with a short Retry-After', { kind: 'status', status: 429, retryAfterSeconds: 0 }, 3],
      ['a cut connection', { kind: 'cut', when: 'middle' }, 3],
      ['a content filter', { kind: 'blocked' }, 1],
      ['truncated answers', { kind: 'truncated' }, 2],
      ['no JSON', { kind: 'says', text: '죄송하지만 그 형식으로는 답할 수 없어요.' }, 2],
      ['another schema', { kind: 'says', text: '{"cards": "없음"}' }, 2],
      [
        'another language',
        {
          kind: 'changed',
          change: (answer) => ({
            ...(answer as object),
            summary: 'You seem to be very tired these days.',
            characteristics: ['Someone who carries on', 'Someone who cares'],
            needs: ['A day without plans', 'Somebody to talk to'],
            growth_direction: 'A small walk may be a beginning.',
          }),
        },
        2,
      ],
      [
        'a telephone number that is made up',
        {
          kind: 'changed',
          change: (answer: { summary: string }) => ({ ...answer, summary: `${answer.summary} 02-123-4567` }),
        },
        2,
      ],
    ];
    for (const [name, fault, calls] of lasting) {
      test(`${name}, always: the local writer writes it, and it is degraded`, async () => {
        // So much time that a wait for it would end the test: what comes too late is not waited for.
        const settings = { budgetMs: 600_000 };
        await using llm = await startLlmWriter({ protocol, behave: () => fault, settings });
        const written = await llm.writer.persona(BRIEF, signal);
        const local = await createLocalWriter().persona(BRIEF, signal);
        assert.deepEqual(written, { part: local.part, degraded: true });
        assert.equal(llm.model.calls.length, calls);
        assert.deepEqual(llm.model.badRequests, []);
      });
    }

    for (const when of ['before', 'middle'] as const) {
      test(`hangs ${when === 'before' ? 'before its first word' : 'in its answer'}: within the budget, degraded`, async () => {
        await using llm = await startLlmWriter({
          protocol,
          behave: () => ({ kind: 'hang', when }),
          settings: { callMs: 400, budgetMs: 20_000 },
        });
        const { degraded } = await llm.writer.empathy(BRIEF, signal);
        assert.equal(degraded, true);
        assert.equal(llm.model.calls.length, 3);
        await llm.model.until(() => llm.model.calls.every(({ aborted }) => aborted));
      });
    }

    test('the budget ends a part whatever is under way', async () => {
      await using llm = await startLlmWriter({
        protocol,
        behave: () => ({ kind: 'hang', when: 'middle' }),
        settings: { callMs: 600_000, budgetMs: 200 },
      });
      const { degraded } = await llm.writer.reflection(BRIEF, signal);
      assert.equal(degraded, true);
      await llm.model.until(() => llm.model.calls.every(({ aborted }) => aborted));
      assert.equal(llm.model.calls.length, 1);
      assert.ok(llm.logLines.some((line) => line.includes('"code":"budget_spent"')));
    });

    test('a part that is asked for when the budget is spent is not asked of the model', async () => {
      await using llm = await startLlmWriter({ protocol, settings: { budgetMs: 1_000, callMs: 1_000 } });
      const late = briefOf(null, { startedAt: performance.now() - 1_000 });
      const { degraded } = await llm.writer.persona(late, signal);
      assert.equal(degraded, true);
      assert.equal(llm.model.calls.length, 0);
      assert.ok(llm.logLines.some((line) => line.includes('"code":"budget_spent"')));
    });

    test('keys in turn; one that is refused or over its quota rests, and the next one is used', async () => {
      await using llm = await startLlmWriter({
        protocol,
        settings: { apiKeys: ['good', 'refused', 'limited'] },
        behave: ({ key }) => {
          if (key === 'refused') return { kind: 'status', status: 401 };
          return key === 'limited' ? { kind: 'status', status: 429, retryAfterSeconds: 600 } : undefined;
        },
      });
      for (let n = 0; n < 6; n++) {
        const { degraded } = await llm.writer.persona(briefOf(`${n}번째 밤`), signal);
        assert.equal(degraded, false);
      }
      assert.deepEqual(
        llm.model.calls.map(({ key }) => key),
        ['good', 'refused', 'limited', 'good', 'good', 'good', 'good', 'good'],
      );
    });

    test('good keys are used in turn', async () => {
      await using llm = await startLlmWriter({ protocol, settings: { apiKeys: ['a', 'b', 'c'] } });
      for (let n = 0; n < 6; n++) await llm.writer.persona(briefOf(`${n}번째 밤`), signal);
      assert.equal(llm.model.calls.map(({ key }) => key).join(''), 'abcabc');
    });

    test('a provider that only fails is left alone after five calls', async () => {
      await using llm = await startLlmWriter({ protocol, behave: () => ({ kind: 'status', status: 500 }) });
      for (let n = 0; n < 4; n++) {
        const { degraded } = await llm.writer.persona(briefOf(`${n}번째 밤`), signal);
        assert.equal(degraded, true);
      }
      assert.equal(llm.model.calls.length, 5);
      assert.ok(llm.logLines.some((line) => line.includes('"code":"circuit_open"')));
    });

    test('asks again with the fault named, and with nothing of the answer', async () => {
      const text = '{"summary": "표시가 된 답", "characteristics": [], "needs": 1}';
      await using llm = await startLlmWriter({ protocol, behave: first(1, { kind: 'says', text }) });
      await llm.writer.persona(BRIEF, signal);
      const [before = '', again = ''] = llm.model.calls.map(({ user }) => user);
      assert.ok(before.length > 0 && again.startsWith(before));
      const added = again.slice(before.length);
      assert.match(
        added,
        /- characteristics: too_small\n- needs: invalid_type\n- growth_direction: invalid_type/,
      );
      assert.ok(!added.includes('표시가 된 답'));
    });

    test('the same prompt in flight is asked once; whoever leaves does not take it from the others', async () => {
      await using llm = await startLlmWriter({
        protocol,
        pace: { firstTokenMs: () => 100, tokensPerSecond: () => 2_000 },
      });
      const leaving = new AbortController();
      const left = llm.writer.persona(BRIEF, leaving.signal);
      const others = [1, 2, 3].map(() => llm.writer.persona(BRIEF, signal));
      await llm.model.until(() => llm.model.calls.length === 1);
      leaving.abort(new Error('gone'));
      await assert.rejects(left, /gone/);
      for (const { degraded } of await Promise.all(others)) assert.equal(degraded, false);
      assert.equal(llm.model.calls.length, 1);
      await llm.writer.persona(BRIEF, signal);
      assert.equal(llm.model.calls.length, 2);
    });

    test('a call that nobody waits for any longer is aborted', async () => {
      await using llm = await startLlmWriter({
        protocol,
        behave: () => ({ kind: 'hang', when: 'before' }),
        settings: { callMs: 600_000, budgetMs: 600_000 },
      });
      const leaving = new AbortController();
      const left = [1, 2].map(() => llm.writer.persona(BRIEF, leaving.signal));
      await llm.model.until(() => llm.model.calls.length === 1);
      leaving.abort(new Error('gone'));
      for (const result of await Promise.allSettled(left)) assert.equal(result.status, 'rejected');
      await llm.model.until(() => llm.model.calls.every(({ aborted }) => aborted));
      assert.equal(llm.model.calls.length, 1);
    });

    test('LLM_CALLS=single: one call writes all three parts, also for who comes late', async () => {
      await using llm = await startLlmWriter({ protocol, settings: { calls: 'single' } });
      const [persona, empathy] = await Promise.all([
        llm.writer.persona(BRIEF, signal),
        llm.writer.empathy(BRIEF, signal),
      ]);
      const reflection = await llm.writer.reflection(BRIEF, signal);
      personaSchema.parse(persona.part);
      empathySchema.parse(empathy.part);
      reflectionSchema.parse(reflection.part);
      assert.deepEqual(
        llm.model.calls.map(({ part }) => part),
        ['session'],
      );
      assert.deepEqual(llm.model.badRequests, []);
    });

    test('LLM_CALLS=single: when it fails, all three parts are degraded', async () => {
      await using llm = await startLlmWriter({
        protocol,
        settings: { calls: 'single' },
        behave: () => ({ kind: 'blocked' }),
      });
      const parts = await Promise.all([
        llm.writer.persona(BRIEF, signal),
        llm.writer.empathy(BRIEF, signal),
        llm.writer.reflection(BRIEF, signal),
      ]);
      assert.deepEqual(
        parts.map(({ degraded }) => degraded),
        [true, true, true],
      );
      assert.equal(llm.model.calls.length, 1);
    });

    test('deltas of an answer that does not fit: what kept the rules, then the next answer from its beginning', async () => {
      const refused = '처음에는 이렇게 썼을지도 모르겠어요. 전화는 02-123-4567 로 해도 될 것 같아요.';
      await using llm = await startLlmWriter({
        protocol,
        pace: { firstTokenMs: () => 20, tokensPerSecond: () => 300 },
        behave: first(1, {
          kind: 'changed',
          change: (answer) => ({ ...(answer as object), summary: refused }),
        }),
      });
      const deltas: { summary?: string }[] = [];
      const { part, degraded } = await llm.writer.persona(BRIEF, signal, readerOf(deltas));
      assert.equal(degraded, false);
      const summaries = deltas.map(({ summary = '' }) => summary);
      const isOf = (whole: string) => summaries.map((summary) => whole.startsWith(summary));
      const again = isOf(refused).lastIndexOf(true) + 1;
      assert.ok(again > 0 && again < summaries.length, summaries.join(' | '));
      assert.ok(
        isOf(refused).slice(0, again).every(Boolean) && isOf(part.summary).slice(again).every(Boolean),
      );
      for (const summary of summaries) assert.doesNotMatch(summary, /\d/);
    });

    test('deltas: parts of the part that only grow, then the part itself', async () => {
      await using llm = await startLlmWriter({
        protocol,
        pace: { firstTokenMs: () => 20, tokensPerSecond: () => 300 },
      });
      const deltas: { summary?: string; depth?: string }[] = [];
      const { part } = await llm.writer.persona(BRIEF, signal, readerOf(deltas));
      assert.ok(deltas.length >= 2, `${deltas.length} deltas`);
      const lengths = deltas.map((delta) => JSON.stringify(delta).length);
      assert.deepEqual(
        lengths,
        lengths.toSorted((a, b) => a - b),
      );
      for (const { summary, depth } of deltas) {
        assert.ok(summary && part.summary.startsWith(summary));
        assert.equal(depth, 'surface');
      }
    });

    for (const [name, broken, never] of [
      ['quotation', '“선생님이 이제는 다 괜찮아질 거라고 하셨어요”라는 말처럼', /선생님/],
      ['telephone number', '02-123-4567로 물어봐도', /\d/],
      ['emergency number', '119나 109번으로 전화해도', /\d/],
      ['link', 'https://example.com/help 여기에서', /http|example/],
      [
        'language',
        'You must be very tired, and I am here for you whatever comes tomorrow,',
        /tired|tomorrow/,
      ],
    ] as const) {
      test(`deltas: a made-up ${name} is never seen, not its beginning either`, async () => {
        await using llm = await startLlmWriter({
          protocol,
          pace: { firstTokenMs: () => 10, tokensPerSecond: () => 200 },
          behave: first(1, {
            kind: 'changed',
            change: (answer: { summary: string }) => ({
              ...answer,
              summary: `오래 애써 온 밤에 ${broken} ${answer.summary}`,
            }),
          }),
        });
        const deltas: { summary?: string }[] = [];
        const { part, degraded } = await llm.writer.persona(BRIEF, signal, readerOf(deltas));
        assert.equal(degraded, false);
        assert.equal(llm.model.calls.length, 2);
        assert.ok(deltas.some(({ summary }) => summary?.startsWith('오래 애써 온 밤에')));
        for (const text of [...deltas, part].map((delta) => JSON.stringify(delta))) {
          assert.doesNotMatch(text, never);
        }
      });
    }

    test('LLM_CALLS=single: each part has its own deltas, and none of them twice', async () => {
      await using llm = await startLlmWriter({
        protocol,
        settings: { calls: 'single' },
        pace: { firstTokenMs: () => 10, tokensPerSecond: () => 300 },
      });
      const deltas = { persona: [] as object[], empathy: [] as object[], reflection: [] as object[] };
      const [persona, empathy, reflection] = await Promise.all([
        llm.writer.persona(BRIEF, signal, readerOf(deltas.persona)),
        llm.writer.empathy(BRIEF, signal, readerOf(deltas.empathy)),
        llm.writer.reflection(BRIEF, signal, readerOf(deltas.reflection)),
      ]);
      assert.equal(llm.model.calls.length, 1);
      for (const [name, whole] of Object.entries({ persona, empathy, reflection })) {
        const told = deltas[name as keyof typeof deltas].map((delta) => JSON.stringify(delta));
        assert.ok(told.length >= 2, `${told.length} deltas of ${name}`);
        assert.equal(new Set(told).size, told.length, name);
        for (const delta of told)
          assert.deepEqual(keysOf(JSON.parse(delta)).difference(keysOf(whole.part)), new Set());
      }
      // Written before the others, and still whole then: it is not told again.
      assert.ok(deltas.persona.length < deltas.empathy.length + deltas.reflection.length);
    });

    test('deltas of an answer that is of no schema do no harm', async () => {
      const text = '{"cards": "글", "title": ["제목"], "emotion_keywords": {"a": 1}, "summary": {"b": [1]}}';
      await using llm = await startLlmWriter({
        protocol,
        behave: () => ({ kind: 'says', text }),
        pace: { firstTokenMs: () => 0, tokensPerSecond: () => 100 },
      });
      const { degraded } = await llm.writer.empathy(BRIEF, signal, readerOf([]));
      assert.equal(degraded, true);
    });
  });
}
