import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeepPartial } from '../../../../src/domain/ports.ts';
import type { Persona } from '../../../../src/domain/session.ts';
import { createDeltaSender, readSoFar } from '../../../../src/writing/llm/deltas.ts';
import { empathyTask } from '../../../../src/writing/llm/parts/empathy.ts';
import { personaTask } from '../../../../src/writing/llm/parts/persona.ts';
import { reflectionTask } from '../../../../src/writing/llm/parts/reflection.ts';
import { toJsonSchema } from '../../../../src/writing/llm/task.ts';
import { textsOf } from '../../../../src/writing/llm/texts/answer-texts.ts';
import { type AnswerSchema, answerTo } from '../../../support/fake-model/answer.ts';
import { briefOf } from '../../../support/llm-writer.ts';

const BRIEF = briefOf('잠이 안 와요');
interface AnyTask {
  readonly name: string;
  readonly schema: Parameters<typeof toJsonSchema>[0];
  readonly toDelta: (soFar: never) => unknown;
}

const TASKS: readonly AnyTask[] = [personaTask(BRIEF), empathyTask(BRIEF), reflectionTask(BRIEF)];

/** What breaks a rule, and what of it must never be seen, be it the beginning alone. */
const BROKEN: [string, never: RegExp][] = [
  ['“선생님이 이제는 다 괜찮아질 거라고 하셨어요”라는 말', /선생님/],
  ['"선생님이 이제는 다 괜찮아질 거라고 하셨어요"라는 말', /선생님/],
  ["'선생님이 이제는 다 괜찮아질 거라고 하셨어요'라는 말", /선생님/],
  ['「선생님이 “이제는” 다 괜찮아질 거라고 하셨어요」라는 말', /선생님/],
  ['전화 02-123-4567로 물어봐도', /\d/],
  ['전화 02 123 4567 로 물어봐도', /\d/],
  ['전화 (02) 123 4567 로 물어봐도', /\d/],
  ['전화 +82 10 1234 5678 로', /\d/],
  ['자살예방 상담전화 109번으로', /\d/],
  ['여기 1393 에 물어봐도', /\d/],
  ['여기 https://example.com/a?b=c 에서', /https|example/],
  ['여기 help@example.com 으로', /help|example/],
  ['여기 example.com 에서', /example/],
  ['You must be very tired these days, are you not? I am here for you, always.', /tired/],
];

/** Each delta that there could be, however the answer is cut into pieces. */
async function everyDelta(task: AnyTask, answer: unknown): Promise<unknown[]> {
  const json = JSON.stringify(answer);
  const schema = toJsonSchema(task.schema);
  const deltas: unknown[] = [];
  for (let length = 1; length <= json.length; length++) {
    const soFar = await readSoFar(schema, json.slice(0, length));
    const delta = soFar && task.toDelta(soFar as never);
    if (delta) deltas.push(delta);
  }
  return deltas;
}

describe('deltas', () => {
  for (const task of TASKS) {
    test(`${task.name}: at no moment anything that breaks a rule, or its beginning`, async () => {
      const answer = answerTo(toJsonSchema(task.schema) as AnswerSchema);
      const [first] = textsOf(answer);
      assert.ok(first);
      for (const [broken, never] of BROKEN) {
        const changed = {
          ...(answer as object),
          [first.path]: `오래 애써 온 하루에 ${broken} 될 것 같아요.`,
        };
        const deltas = await everyDelta(task, changed);
        const texts: string[] = deltas.map((delta) => String((delta as Record<string, unknown>)[first.path]));
        assert.ok(
          texts.some((text) => text.startsWith('오래 애써 온')),
          broken,
        );
        for (const text of texts) assert.doesNotMatch(text, never);
      }
    });

    test(`${task.name}: what keeps the rules is all seen, and only grows`, async () => {
      const answer = answerTo(toJsonSchema(task.schema) as AnswerSchema);
      const deltas = await everyDelta(task, answer);
      const last = JSON.stringify(deltas.at(-1));
      for (const { text } of textsOf(answer).slice(0, -1)) assert.ok(last.includes(text), text);
      const lengths = deltas.map(
        (delta) =>
          textsOf(delta)
            .map(({ text }) => text)
            .join('').length,
      );
      assert.deepEqual(
        lengths,
        lengths.toSorted((a, b) => a - b),
      );
    });
  }

  test('what the data say is quoted and named', async () => {
    const task = reflectionTask(BRIEF);
    const [said = ''] =
      BRIEF.sources.insights.find(({ problem }) => task.user.includes(problem))?.peers ?? [];
    const title = `“${said}”라는 말이 있어요`;
    const answer = { ...(answerTo(toJsonSchema(task.schema) as AnswerSchema) as object), title };
    const deltas = await everyDelta(task, answer);
    assert.equal((deltas.at(-1) as { title: string }).title, title);
  });

  test('the first word is seen when the next one begins', async () => {
    const task = personaTask(BRIEF);
    const seen = async (text: string) => {
      const soFar = await readSoFar(toJsonSchema(task.schema), text);
      return task.toDelta(soFar as never)?.summary;
    };
    assert.equal(await seen('{"summary":"오래'), undefined);
    assert.equal(await seen('{"summary":"오래 '), '오래');
    assert.equal(await seen('{"summary":"오래 애써'), '오래');
    assert.equal(await seen('{"summary":"오래 애써","characteristics":["'), '오래 애써');
  });

  test('nothing is read while nobody wants it, nothing is told twice, and whoever comes later gets the rest', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const task = personaTask(BRIEF);
    let reads = 0;
    let isWanted = false;
    const told: DeepPartial<Persona>[] = [];
    const counted = {
      toDelta(soFar: Parameters<typeof task.toDelta>[0]) {
        reads += 1;
        return task.toDelta(soFar);
      },
    };
    const reader = { isWanted: () => isWanted, tell: (soFar: DeepPartial<Persona>) => told.push(soFar) };
    const sender = createDeltaSender(counted, toJsonSchema(task.schema), reader);
    const push = async (text: string) => {
      sender.push(text);
      t.mock.timers.tick(1_000);
      // What is read of JSON is read asynchronously.
      await new Promise((resolve) => setImmediate(resolve));
    };
    await push('{"summary":"오래 애써 온 ');
    assert.equal(reads, 0);
    isWanted = true;
    await push('{"summary":"오래 애써 온 하');
    await push('{"summary":"오래 애써 온 하루');
    assert.equal(reads, 2);
    await push('{"summary":"오래 애써 온 하루가 ');
    const summaries = ['오래 애써 온', '오래 애써 온 하루가'];
    assert.deepEqual(
      told.map(({ summary }) => summary),
      summaries,
    );
    // The part is there: what was to be told of it comes too late, be it read already.
    sender.push('{"summary":"오래 애써 온 하루가 쌓여 ');
    t.mock.timers.tick(1_000);
    sender.stop();
    await push('{"summary":"오래 애써 온 하루가 쌓여 마음이 ');
    assert.deepEqual(
      told.map(({ summary }) => summary),
      summaries,
    );
  });

  test('marks, digits and letters without end hold nobody up', async () => {
    const task = personaTask(BRIEF);
    const schema = toJsonSchema(task.schema);
    const begin = '오래 애써 온 하루';
    for (const run of ['“', '「‘', "'가 ", '0', '0-', 'a', 'a.', '(', '+82']) {
      // Looked at from each of its characters, so long a text would take minutes.
      const text = `${begin} ${run.repeat(400_000 / run.length)} 끝 `;
      const soFar = await readSoFar(schema, `{"summary":${JSON.stringify(text).slice(0, -1)}`);
      assert.ok(task.toDelta(soFar as never)?.summary?.startsWith(begin), run);
    }
  });

  test('a text within another thing is held back like any other, and what is not asked for is not shown', async () => {
    const task = empathyTask(BRIEF);
    const seen = async (text: string) => {
      const soFar = await readSoFar(toJsonSchema(task.schema), text);
      return task.toDelta(soFar as never);
    };
    const card =
      '{"note":"선생님의 말 ","cards":[{"note":"선생님의 말 ","title":"긴 밤","content":"오래 애써';
    assert.deepEqual((await seen(card))?.cards, [{ title: '긴 밤', content: '오래' }]);
    assert.deepEqual((await seen(`${card} “선생님이 `))?.cards, [{ title: '긴 밤', content: '오래 애써' }]);
    assert.ok(!JSON.stringify(await seen(`${card} `)).includes('선생님'));
    assert.deepEqual(await seen('{"title":"긴 밤","emotion_keywords":["외로움","무기'), {
      type: 'empathy',
      title: '긴 밤',
      emotion_keywords: ['외로움'],
    });
  });
});
