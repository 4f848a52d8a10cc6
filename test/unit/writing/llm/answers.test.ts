import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { empathySchema, personaSchema, reflectionSchema } from '../../../../src/domain/session.ts';
import { fitPartial } from '../../../../src/writing/llm/fit-partial.ts';
import { ModelError } from '../../../../src/writing/llm/model-error.ts';
import { commonFaults } from '../../../../src/writing/llm/parts/answer-texts.ts';
import { empathyTask } from '../../../../src/writing/llm/parts/empathy.ts';
import { keepQuotes } from '../../../../src/writing/llm/parts/keep-quotes.ts';
import { personaTask } from '../../../../src/writing/llm/parts/persona.ts';
import { reflectionTask } from '../../../../src/writing/llm/parts/reflection.ts';
import { readAnswer, toJsonSchema } from '../../../../src/writing/llm/task.ts';
import { type AnswerSchema, answerTo } from '../../../support/fake-model/answer.ts';
import { briefOf } from '../../../support/llm-writer.ts';

const BRIEF = briefOf('잠이 안 와요');
const schemaOf = (task: { schema: Parameters<typeof toJsonSchema>[0] }) => toJsonSchema(task.schema);

function goodAnswer(task: { schema: Parameters<typeof toJsonSchema>[0] }) {
  return answerTo(schemaOf(task) as AnswerSchema) as Record<string, unknown>;
}

function faultsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof ModelError && error.code === 'invalid_answer');
    return error.faults;
  }
  return [];
}

describe('answers', () => {
  test('become parts of the contract, whatever numbers they choose', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1, max: 10 }), { minLength: 5, maxLength: 5 }),
        ([a, b, c, d, e]) => {
          const empathy = empathyTask(BRIEF);
          const reflection = reflectionTask(BRIEF);
          const cards = (goodAnswer(empathy).cards as object[]).map((card, index) => ({
            ...card,
            voice: [a, b, c][index],
          }));
          const written = readAnswer(empathy, JSON.stringify({ ...goodAnswer(empathy), cards }));
          empathySchema.parse(written);
          const texts = BRIEF.sources.voices.map(({ text, speaker }) => `${text} ${speaker}`);
          assert.ok(written.cards.every((card) => texts.includes(`${card.quote_text} ${card.speaker}`)));
          assert.equal(new Set(written.quotes_used.map(({ text }) => text)).size, 3);

          const answer = { ...goodAnswer(reflection), insight: d, policies: [d, e] };
          const reflected = reflectionSchema.parse(readAnswer(reflection, JSON.stringify(answer)));
          const insights = BRIEF.sources.insights.map(({ problem }) => problem);
          assert.ok(insights.includes(reflected.insights.problem));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a quote from an article says which, and one of our own says none', () => {
    const voices = BRIEF.sources.voices.map((voice, index) => {
      const [id, date, link] = [`news-${index}`, '2026-11-01', `https://news.example/${index}`];
      const article = { id, title: '밤을 새운 청년들', provider: '메아리신문', date, link };
      return index % 2 === 0 ? { ...voice, article } : voice;
    });
    const task = empathyTask({ ...BRIEF, sources: { ...BRIEF.sources, voices } });
    const seen = new Set<string | null>();
    for (const first of [1, 4]) {
      const cards = (goodAnswer(task).cards as object[]).map((card, index) => ({
        ...card,
        voice: first + index,
      }));
      const written = readAnswer(task, JSON.stringify({ ...goodAnswer(task), cards }));
      for (const [index, card] of written.cards.entries()) {
        const voice = voices.find(({ text }) => text === card.quote_text);
        assert.equal(card.news_id, voice?.article?.id ?? null);
        assert.equal(card.news_link, voice?.article?.link ?? null);
        assert.equal(written.quotes_used[index]?.news_id, card.news_id);
        seen.add(card.news_id);
      }
    }
    assert.ok(seen.has(null) && seen.size > 1);
  });

  test('faults name the place and the rule, and nothing of the answer', () => {
    const task = personaTask(BRIEF);
    const answer = { ...goodAnswer(task), summary: '   ', needs: ['하나'], characteristics: 7 };
    const faults = faultsOf(() => readAnswer(task, JSON.stringify(answer)));
    assert.deepEqual(faults, ['summary: too_small', 'characteristics: invalid_type', 'needs: too_small']);
    assert.deepEqual(
      faultsOf(() => readAnswer(task, '{"summary": "여기까')),
      ['answer: not JSON, or not all of it'],
    );
    personaSchema.parse(readAnswer(task, JSON.stringify(goodAnswer(task))));
  });

  test('links, addresses and telephone numbers come from the data alone', () => {
    const text = (content: string) => ({
      content: `${'혼자 있기 어려운 밤에는 여기에 물어보는 사람도 있을 것 같아요. '.repeat(3)}${content}`,
    });
    for (const contact of [
      'https://example.com/x',
      'www.example.com',
      'help@example.com',
      '1588-9191',
      '02-123-4567',
      '010-1234-5678',
      '1588 0199',
      '01012345678',
      '02)123-4567',
    ]) {
      assert.equal(commonFaults(text(contact), []).length, 1, contact);
      assert.deepEqual(commonFaults(text(contact), [`전화와 주소: ${contact}`]), [], contact);
    }
    assert.deepEqual(commonFaults(text('02 123 4567'), ['02-123-4567']), []);
    assert.deepEqual(commonFaults(text('https://a.example'), ['{"link":"https://a.example","x":1}']), []);
    for (const harmless of ['2024-2025년', '10-20분', '3, 4번', '1,000-2,000걸음', '밤 11시-1시']) {
      assert.deepEqual(commonFaults(text(harmless), []), [], harmless);
    }
  });

  test('a persona or a reflection quotes nobody who is not among the data', () => {
    const invented = '「의사 선생님이 이제 다 괜찮아질 거라고 하셨어요」';
    for (const task of [personaTask(BRIEF), reflectionTask(BRIEF)]) {
      const answer = goodAnswer(task);
      const [field = ''] = Object.keys(answer).filter((name) => typeof answer[name] === 'string');
      const faults = faultsOf(() =>
        readAnswer(
          task as typeof task & Parameters<typeof readAnswer>[0],
          JSON.stringify({ ...answer, [field]: `${answer[field]} ${invented}` }),
        ),
      );
      assert.deepEqual(faults, [`${field}: a quotation that is not among the data`]);
    }
  });

  test('are Korean, with a word of another script here and there', () => {
    assert.deepEqual(commonFaults(['EAP 상담과 SNS를 멀리하는 밤이 있을지도 모르겠어요.'], []), []);
    assert.equal(commonFaults(['You seem tired. 힘내세요.'], []).length, 1);
    assert.equal(commonFaults(['疲れているのかもしれません。'], []).length, 1);
  });

  test('quotes: those of the sources stay, others become one of them, short words set apart stay', () => {
    const said = '주말 내내 커튼도 안 걷고 누워 있었어요. 빨래 하나 못 돌리면서요.';
    const instead = '씻지도 못하고 바닥에 누웠는데 그대로 아침이 됐어요.';
    const keep = (text: string) => keepQuotes(text, [said], instead);
    assert.equal(keep(`“${said}”라고 해요.`), `“${said}”라고 해요.`);
    assert.equal(
      keep('“주말 내내 커튼도 안 걷고 누워 있었어요”'),
      '“주말 내내 커튼도 안 걷고 누워 있었어요”',
    );
    assert.equal(keep('“괜찮아”라는 말'), '“괜찮아”라는 말');
    assert.equal(keep('"어느 기자가 세상이 다 그렇다고 했어요"라고'), `“${instead}”라고`);
  });
});

describe('answers that are being written', () => {
  const jsonValue = fc.jsonValue();

  test('hold only what the schema has a place for, and turn into deltas without harm', () => {
    fc.assert(
      fc.property(
        fc.record({ title: jsonValue, cards: jsonValue, summary: jsonValue, insight: jsonValue }),
        (value) => {
          for (const task of [personaTask(BRIEF), empathyTask(BRIEF), reflectionTask(BRIEF)]) {
            const soFar = fitPartial(schemaOf(task), value);
            task.toDelta(soFar as never);
          }
        },
      ),
    );
    assert.equal(fitPartial(schemaOf(personaTask(BRIEF)), 'text'), undefined);
    assert.deepEqual(
      fitPartial(schemaOf(empathyTask(BRIEF)), { title: 1, cards: [{ title: '하나', x: 1 }, null] }),
      {
        cards: [{ title: '하나' }],
      },
    );
  });

  test('show a quote once its number is sure', () => {
    const task = empathyTask(BRIEF);
    const card = { title: '제목', voice: 1 };
    const cards = (soFar: object) => (task.toDelta(soFar as never) as { cards: object[] }).cards;
    assert.deepEqual(cards({ cards: [card] }), [{ title: '제목' }]);
    const [shown] = cards({ cards: [{ ...card, content: '' }] }) as { quote_text?: string }[];
    assert.ok(BRIEF.sources.voices.some(({ text }) => text === shown?.quote_text));
  });
});
