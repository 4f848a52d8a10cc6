import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

type Texts = Readonly<Record<string, string>>;

const folder = new URL('../../../src/profiling/', import.meta.url);
const MODEL = await readFile(new URL('model.ts', folder), 'utf8');
const { RULES_ENGLISH } = (await import(`${folder}page/texts-rules-en.js`)) as { RULES_ENGLISH: Texts };
const { RULES_KOREAN } = (await import(`${folder}page/texts-rules-ko.js`)) as { RULES_KOREAN: Texts };

/** As the type has them: what is added there must be said here. */
const RULES = [...(/type RuleId =([^;]*);/.exec(MODEL)?.[1] ?? '').matchAll(/'([a-z-]+)'/g)].map(
  ([, rule = '']) => rule,
);

const LIVE = await readFile(new URL('live/verdict.ts', folder), 'utf8');
const MEASURES = [...LIVE.matchAll(/verdict\('\w+', '([^']+)'/g)].map(([, measure = '']) => measure);
const { KOREAN } = (await import(`${folder}page/texts-ko.js`)) as { KOREAN: Texts };

test('what the live verdict has measured is said in Korean too', () => {
  assert.equal(new Set(MEASURES).size, 5);
  for (const measure of MEASURES) assert.match(KOREAN[`measure.${measure}`] ?? '', /[가-힣]/, measure);
});

const LANGUAGES: Readonly<Record<string, Texts>> = {
  English: RULES_ENGLISH,
  Korean: RULES_KOREAN,
};

const placesIn = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).toSorted();

test('every rule is known', () => assert.equal(RULES.length, 11));

for (const [language, texts] of Object.entries(LANGUAGES)) {
  describe(`in ${language}`, () => {
    for (const rule of RULES) {
      test(`${rule} has a name, a title and what to do`, () => {
        for (const part of ['name', 'title', 'advice']) {
          assert.ok(texts[`${rule}.${part}`]?.trim(), `${rule}.${part}`);
        }
      });
    }
  });
}

test('both languages tell the same of a finding', () => {
  for (const [key, text] of Object.entries(RULES_ENGLISH)) {
    const other = RULES_KOREAN[key] ?? '';
    assert.deepEqual(placesIn(other), placesIn(text), key);
  }
});
