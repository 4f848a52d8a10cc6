import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewsArticle, Voice } from '../../src/domain/corpus.ts';
import type { NewsSource } from '../../src/domain/ports.ts';
import { finishedSessionSchema } from '../../src/domain/session.ts';
import { MINOR_TAG_IDS } from '../../src/domain/tags.ts';
import { createSeededVoices } from '../../src/store/repositories/seeded-voices.ts';
import { SESSIONS } from '../support/paths.ts';
import { startTestService } from '../support/service.ts';

const ARTICLE: NewsArticle = {
  id: 'test-20261120-0001',
  title: '시험용 기사 제목',
  provider: '시험신문',
  date: '2026-11-20',
  link: 'https://news.example.kr/20261120/1',
};

function voice(id: number, article?: NewsArticle): Voice {
  return {
    id,
    text: `쉬는 날에도 일 생각이 나서 잠을 설친다는 ${id}번째 이야기예요.`,
    speaker: '30대 직장인',
    echo: '일터를 벗어나 있어도 마음은 놓여나지 못하는 저녁이 있지요.',
    emotions: ['anxiety'],
    situations: ['workload'],
    ...(article && { article }),
  };
}

test('a quote from the news comes through to the cards with its article, and a voice of our own with none', async () => {
  const asked: number[] = [];
  const news: NewsSource = {
    async voicesForTag(tagId) {
      asked.push(tagId);
      return [voice(1, ARTICLE), voice(2), voice(3)];
    },
  };
  await using service = await startTestService({}, { news });
  const guest = await service.guest();
  const { body } = await guest.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
  assert.deepEqual(asked, [2]);

  // As it was written, and as it is read again from the rows.
  const again = await guest.get(`${SESSIONS}/${body.session_id}`).expect(200);
  for (const session of [body, again.body]) {
    const { empathy, reflection } = finishedSessionSchema.parse(session).cards;
    const [fromNews, ...ours] = empathy.cards.toSorted((a, b) => a.quote_text.localeCompare(b.quote_text));
    assert.partialDeepStrictEqual(fromNews, {
      quote_text: voice(1).text,
      news_id: ARTICLE.id,
      news_title: ARTICLE.title,
      news_provider: ARTICLE.provider,
      news_date: ARTICLE.date,
      news_link: ARTICLE.link,
    });
    for (const card of [...ours, ...reflection.cards]) {
      const { news_id, news_title, news_provider, news_date, news_link } = card;
      assert.deepEqual(
        [news_id, news_title, news_provider, news_date, news_link],
        [null, null, null, null, null],
      );
    }
    for (const { text, news_id } of empathy.quotes_used) {
      assert.equal(news_id, text === voice(1).text ? ARTICLE.id : null);
    }
  }
});

test('the seeded voices: three at least for each tag, in one order, and no article', async () => {
  await using service = await startTestService();
  const seeded = createSeededVoices(service.container.database);
  for (const tagId of MINOR_TAG_IDS) {
    const voices = await seeded.voicesForTag(tagId);
    assert.ok(voices.length >= 3);
    assert.deepEqual(await seeded.voicesForTag(tagId), voices);
    assert.ok(voices.every(({ article }) => article === undefined));
  }
});
