import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { empathySchema, personaSchema, reflectionSchema } from '../../../../src/domain/session.ts';
import { fitPartial } from '../../../../src/writing/llm/fit-partial.ts';
import { ModelError } from '../../../../src/writing/llm/model-error.ts';
import { empathyTask } from '../../../../src/writing/llm/parts/empathy.ts';
import { personaTask } from '../../../../src/writing/llm/parts/persona.ts';
import { reflectionTask } from '../../../../src/writing/llm/parts/reflection.ts';
import { readAnswer, toJsonSchema } from '../../../../src/writing/llm/task.ts';
import { textsOf } from '../../../../src/writing/llm/texts/answer-texts.ts';
import { keepQuotes } from '../../../../src/writing/llm/texts/quotations.ts';
import { textRules } from '../../../../src/writing/llm/texts/text-rules.ts';
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

function faultsIn(answer: unknown, ...sources: string[]): string[] {
  return textRules(sources).faultsOf(answer);
}

const HARMLESS = [
  ['2024-2025년', '10-20분', '3, 4번', '1,000-2,000걸음', '밤 11시-1시', '3.5점', 'A.I 시대', 'SNS.'],
  [
    '100일',
    '119일째',
    '365일',
    '1388년',
    '1995년',
    '120%',
    '110 퍼센트',
    '112분',
    '120 분',
    '129명',
    '131개',
  ],
  [
    '120만 원',
    '1,388원',
    '1350원',
    '118쪽',
    '120번째',
    '110번이나',
    '120번 넘게',
    '112번씩',
    '128GB',
    '120kg',
  ],
  ['1.19', '1/19', '11:19', '119-3번지', '110~120', 'B112', '112호', '1119', '2113', '1300여 명', '100번'],
].flat();

/** The same with another text at this place. */
function withText(answer: Record<string, unknown>, path: string, text: string): object {
  const copy = structuredClone(answer);
  const keys = path.split('.');
  const last = keys.pop() as string;
  const holder = keys.reduce<Record<string, unknown>>(
    (value, key) => value[key] as Record<string, unknown>,
    copy,
  );
  holder[last] = text;
  return copy;
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
          const written = empathy.toResult(
            readAnswer(empathy, JSON.stringify({ ...goodAnswer(empathy), cards })),
          );
          empathySchema.parse(written);
          const texts = BRIEF.sources.voices.map(({ text, speaker }) => `${text} ${speaker}`);
          assert.ok(written.cards.every((card) => texts.includes(`${card.quote_text} ${card.speaker}`)));
          assert.equal(new Set(written.quotes_used.map(({ text }) => text)).size, 3);

          const answer = { ...goodAnswer(reflection), insight: d, policies: [d, e] };
          const reflected = reflectionSchema.parse(
            reflection.toResult(readAnswer(reflection, JSON.stringify(answer))),
          );
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
      const written = task.toResult(readAnswer(task, JSON.stringify({ ...goodAnswer(task), cards })));
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
    personaSchema.parse(task.toResult(readAnswer(task, JSON.stringify(goodAnswer(task)))));
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
      '+82 10-1234-5678',
      'HTTPS://EXAMPLE.COM/X',
      'youthcenter.go.kr',
      '109',
      '1393',
      '1388',
    ]) {
      assert.equal(faultsIn(text(contact)).length, 1, contact);
      assert.deepEqual(faultsIn(text(contact), `전화와 주소: ${contact}`), [], contact);
    }
    assert.deepEqual(faultsIn(text('02 123 4567'), '02-123-4567'), []);
    assert.deepEqual(faultsIn(text('+82 2 123 4567'), '02-123-4567'), []);
    assert.deepEqual(faultsIn(text('https://a.example'), '{"link":"https://a.example","x":1}'), []);
    for (const harmless of HARMLESS) {
      assert.deepEqual(faultsIn(text(harmless)), [], harmless);
    }
  });

  test('the short numbers of emergency and counselling services come from the data alone', () => {
    for (const [text, number] of [
      ['힘들 때는 109번으로 전화해도 괜찮을지도 모르겠어요', '109'],
      ['119에 말해도 될 것 같아요', '119'],
      ['자살예방 상담전화(109)도 있어요', '109'],
      ['청소년전화 1388이 있어요', '1388'],
      ['여성긴급전화 1366번', '1366'],
      ['정신건강 상담은 1577-0199나 129, 1393', '1577-0199'],
      ['112로 알려도', '112'],
      ['다산콜 120.', '120'],
      ['☎131', '131'],
    ] as const) {
      const fault = ['0: a link or a telephone number that is not among the data'];
      assert.deepEqual(faultsIn([text]), fault, text);
      // As a count it is no telephone number, and a part of one is another.
      assert.deepEqual(faultsIn([text], `${number}명`, `0${number}1`, '1577-0198'), fault, text);
    }
    assert.deepEqual(faultsIn(['109번이나 1388로'], '{"phone":"109"}', '전화 1388(24시간)'), []);
    assert.deepEqual(faultsIn(['109로 이야기해도 괜찮아요'], '109에 걸었어요'), []);
  });

  test('the number of a row is no telephone number', () => {
    const numbered = <T extends object>(rows: readonly T[]) => rows.map((row) => ({ ...row, id: 119 }));
    const { insights, policies } = BRIEF.sources;
    const sources = { ...BRIEF.sources, insights: numbered(insights), policies: numbered(policies) };
    const task = reflectionTask({ ...BRIEF, sources });
    const answer = withText(goodAnswer(task), 'title', '119에 말해도 될 것 같아요');
    assert.deepEqual(
      faultsOf(() => readAnswer(task, JSON.stringify(answer))),
      ['title: a link or a telephone number that is not among the data'],
    );
  });

  test('each text is Korean, however short it is beside the others', () => {
    for (const task of [personaTask(BRIEF), empathyTask(BRIEF), reflectionTask(BRIEF)]) {
      const answer = goodAnswer(task);
      for (const { path } of textsOf(answer)) {
        for (const text of ['You are not alone', '一人じゃない', 'It is okay to rest 쉼']) {
          assert.deepEqual(
            faultsOf(() =>
              readAnswer(
                task as typeof task & Parameters<typeof readAnswer>[0],
                JSON.stringify(withText(answer, path, text)),
              ),
            ),
            [`${path}: not in Korean`],
            `${text} as ${path}`,
          );
        }
      }
    }
    const short = ['SNS를 끊은 밤', '번아웃(burnout)', '10', 'EAP 상담'];
    assert.deepEqual(faultsIn([...short, '오래 애써 온 하루가 쌓여 마음이 무거웠을지도 모르겠어요.']), []);
  });

  test('a text that runs on and on is a fault of the schema', () => {
    for (const task of [personaTask(BRIEF), empathyTask(BRIEF), reflectionTask(BRIEF)]) {
      const answer = goodAnswer(task);
      for (const { path, text } of textsOf(answer)) {
        const long = `${text} `.repeat(Math.ceil(2_000 / text.length));
        assert.deepEqual(
          faultsOf(() =>
            readAnswer(
              task as typeof task & Parameters<typeof readAnswer>[0],
              JSON.stringify(withText(answer, path, long)),
            ),
          ),
          [`${path}: too_big`],
        );
      }
      // Providers are not told: their strict modes know no lengths.
      assert.ok(!JSON.stringify(schemaOf(task)).includes('maxLength'));
    }
  });

  test('titles and keywords of empathy quote nobody who is not among the data either', () => {
    const task = empathyTask(BRIEF);
    const answer = goodAnswer(task);
    const invented = "'의사 선생님이 이제 다 괜찮아질 거라고 하셨어요'라는 말";
    for (const { path } of textsOf(answer)) {
      const faults = faultsOf(() => readAnswer(task, JSON.stringify(withText(answer, path, invented))));
      const isReplaced = path.endsWith('.content');
      assert.deepEqual(faults, isReplaced ? [] : [`${path}: a quotation that is not among the data`]);
    }
    const said = BRIEF.sources.voices.find(({ text }) => task.user.includes(text))?.text ?? '';
    readAnswer(task, JSON.stringify(withText(answer, 'title', `“${said}”`)));
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
    assert.deepEqual(faultsIn(['EAP 상담과 SNS를 멀리하는 밤이 있을지도 모르겠어요.']), []);
    assert.deepEqual(faultsIn(['You seem tired. 힘내세요.']), ['answer: not in Korean', '0: not in Korean']);
    assert.deepEqual(faultsIn(['疲れているのかもしれません。']), [
      'answer: not in Korean',
      '0: not in Korean',
    ]);
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
    for (const invented of [
      '"어느 기자가 세상이 다 그렇다고 했어요"',
      '“어느 기자가 세상이 다 그렇다고 했어요"',
      "'어느 기자가 세상이 다 그렇다고 했어요'",
      '‘어느 기자가 세상이 다 그렇다고 했어요’',
      '“어느 기자가 ‘세상’이 다 그렇다고 했어요”',
      '『어느 기자가 세상이 다 그렇다고 했어요』',
    ]) {
      assert.equal(keep(`그런데 ${invented}라고`), `그런데 “${instead}”라고`);
    }
    assert.equal(keep('“어느 기자가 세상이 다 그렇다고 했어요'), `“${instead}”`);
    assert.equal(keep("'괜찮아'라는 말과 '쉬어도 돼'라는 말"), "'괜찮아'라는 말과 '쉬어도 돼'라는 말");
    assert.equal(keep("그때 그 '90년대 노래를 오래 들었을지도"), "그때 그 '90년대 노래를 오래 들었을지도");
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
    const [shown, again] = cards({
      cards: [
        { ...card, content: '밤이' },
        { ...card, content: '밤이' },
      ],
    }) as { quote_text?: string }[];
    assert.ok(BRIEF.sources.voices.some(({ text }) => text === shown?.quote_text));
    // The same again will be another's in the end.
    assert.equal(again?.quote_text, undefined);
  });
});
