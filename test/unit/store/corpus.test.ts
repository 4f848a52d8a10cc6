import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MINOR_TAG_IDS } from '../../../src/domain/tags.ts';
import { readCorpus } from '../../../src/store/seeds/seed-corpus.ts';
import { EMOTIONS, SITUATIONS } from '../../../src/writing/local/lexicon.ts';

const corpus = await readCorpus();

describe('the corpus', () => {
  test('has a file for each minor tag', () => {
    assert.deepEqual(
      corpus.map(({ tag_id }) => tag_id).sort((a, b) => a - b),
      MINOR_TAG_IDS,
    );
  });

  for (const { tag_id, voices, insights, policies } of corpus) {
    test(`tag ${tag_id} has enough to choose from`, () => {
      assert.ok(voices.length >= 12);
      assert.ok(insights.length >= 4);
      assert.ok(policies.length >= 4);
    });

    test(`tag ${tag_id} names only emotions and situations of the lexicon`, () => {
      for (const { emotions, situations } of [...voices, ...insights]) {
        assert.ok(emotions.length > 0);
        for (const emotion of emotions) assert.ok(emotion in EMOTIONS, emotion);
        for (const situation of situations) assert.ok(situation in SITUATIONS, situation);
      }
    });

    test(`tag ${tag_id} names how to reach each policy`, () => {
      for (const { name, link, phone } of policies) {
        assert.match(link, /^https:\/\//, name);
        if (phone !== null) assert.match(phone, /^(\d{3,4}|1\d{3}-\d{4}|0\d{1,2}-\d{3,4}-\d{4})$/, name);
      }
    });
  }

  test('no voice and no echo stands twice', () => {
    const texts = corpus.flatMap(({ voices }) => voices.flatMap(({ text, echo }) => [text, echo]));
    assert.equal(new Set(texts).size, texts.length);
  });

  test('a service has one name, one number and one address wherever it stands', () => {
    const byName = new Map<string, string>();
    for (const { name, organization, link, phone } of corpus.flatMap(({ policies }) => policies)) {
      const reached = JSON.stringify([organization, link, phone]);
      assert.equal(byName.get(name) ?? reached, reached, name);
      byName.set(name, reached);
    }
  });
});
