import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  sessionRequestSchema,
  toTopic,
  USER_CONTEXT_MAX_LENGTH,
} from '../../../src/domain/session-request.ts';
import { FRONTEND_LABELS, MINOR_TAG_IDS } from '../../../src/domain/tags.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 700 });
const tagId = fc.constantFrom(...MINOR_TAG_IDS);

describe('sessionRequestSchema', () => {
  test('accepts exactly well-formed text without nulls of at most 500 characters, and trims it', () => {
    fc.assert(
      fc.property(tagId, fc.oneof(anyText, fc.string({ unit: 'grapheme', maxLength: 700 })), (id, text) => {
        const result = sessionRequestSchema.safeParse({ selected_tag_id: id, user_context: text });
        const fits =
          text.isWellFormed() && !text.includes('\0') && [...text.trim()].length <= USER_CONTEXT_MAX_LENGTH;
        assert.equal(result.success, fits);
        if (result.success) assert.equal(result.data.user_context, text.trim());
        else assert.deepEqual(result.error.issues[0]?.path, ['user_context']);
      }),
    );
  });

  test('never throws, and its messages never repeat the text', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), fc.string({ minLength: 8 }), (value, text) => {
        sessionRequestSchema.safeParse(value);
        const result = sessionRequestSchema.safeParse({ selected_tag_id: 2, user_context: `${text}\0` });
        assert.ok(!JSON.stringify(result.error?.issues).includes(JSON.stringify(text).slice(1, -1)));
      }),
    );
  });

  test('ignores unknown fields', () => {
    const request = sessionRequestSchema.parse({ selected_tag_id: 2, locale: 'ko', extra: { deep: [] } });
    assert.deepEqual(request, { selected_tag_id: 2 });
  });
});

describe('toTopic', () => {
  test('nothing, null, blanks and an empty text are all no context', () => {
    for (const user_context of [undefined, null, '', '  \n\t ']) {
      const request = sessionRequestSchema.parse({ selected_tag_id: 7, user_context });
      assert.deepEqual(toTopic(request), { tagId: 7, userContext: null });
    }
  });

  test('there are nine labels, and each decides the tag whatever tag came with it', () => {
    assert.equal(FRONTEND_LABELS.size, 9);
    for (const [label, labelled] of FRONTEND_LABELS) {
      for (const id of MINOR_TAG_IDS) {
        const request = sessionRequestSchema.parse({ selected_tag_id: id, user_context: ` ${label} ` });
        assert.deepEqual(toTopic(request), { tagId: labelled, userContext: null });
      }
    }
  });

  test('a label with more words is what the user wrote', () => {
    const user_context = '마음/건강 - 잠을 잘 못 자요. 새벽 네 시까지요.';
    const request = sessionRequestSchema.parse({ selected_tag_id: 8, user_context });
    assert.equal(toTopic(request).userContext, user_context);
  });
});
