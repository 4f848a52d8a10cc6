import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CRISIS_SUPPORT, mentionsSelfHarm } from '../../../src/domain/crisis.ts';

const SIGNS = [
  '죽고 싶어요',
  '자살 생각이 들어요',
  '그냥 사라지고 싶어요',
  '더는 살고 싶지 않아요',
  '살 이유가 없어요',
  '자 살',
  '자.살 하고 싶다',
  'ㅈㅏ살',
  'ㅈㅅ하고싶',
  '죽고시퍼',
  '죽고십다',
  '손목을 그었어요',
  '자해를 했어요',
  '옥상에서 뛰어내리고 싶어요',
  '유서를 썼어요',
  '극단적인 선택을 할 것 같아요',
  '목숨을 끊고 싶다',
  '내가 없는 게 모두에게 나을 것 같아요',
  '내일 아침에 눈을 안 떴으면 좋겠어요',
  '깨어나지 않았으면 좋겠다',
  'I want to die',
  'kill myself',
  '번개탄',
  '수면제를 한꺼번에 먹고 싶다',
  '세상에서 없어져 버렸으면',
  '죽어버리고 싶다',
  '차라리 죽는 게 낫겠다',
  '왜 살아야 하는지 모르겠어요',
  '삶을 끝내고 싶어요',
  '태어나지 말았으면',
  '그만 살고 싶어요',
  '자\u200b살',
  '죽 고 싶 어',
  '자살',
  '다 끝내고 싶다',
  '한강 다리에 갔다 왔어요 뛰어내리려고',
  '죽고 싶지는 않아요',
  '살기 싫어요',
  '사는 게 의미가 없어요',
  '이제 다 포기하고 싶고 죽고만 싶어요',
  '내가 사라지면 다들 편할 텐데',
  '인생 끝내고 싶다',
  '나 같은 건 없어지는 게 나아요',
  '목을 매고 싶다',
  '죽었으면 좋겠어요 제가',
];

const HARMLESS = [
  '배고파 죽겠어요',
  '웃겨 죽는 줄 알았어요',
  '힘들어 죽겠어요',
  '보고 싶어 죽겠어',
  '죽도록 일만 했어요',
  '기가 죽어요',
  '풀이 죽은 채로',
  '죽을 맛이에요',
  '죽을 끓여 먹었어요',
  '축구하다 자살골을 넣었어요',
  '쥐 죽은 듯 조용해요',
  '자살예방센터에서 일해요',
  '매일 야근하고 집에 오면 아무것도 못 하겠어요',
  '취업이 안 돼서 불안해요',
  '잠이 안 와요',
  '회사 그만두고 싶어요',
  '퇴사하고 싶다',
  '사라진 물건을 찾고 싶어요',
  '친구가 없어요',
  '직장을 옮기고 싶어요',
  '유서 깊은 대학을 나왔지만',
  '약을 먹고 나아졌어요',
  '병원에서 약을 많이 줬어요',
  '옥상에서 바람을 쐬었어요',
  '한강에서 산책했어요',
  '눈을 뜨면 출근 생각이 나요',
  '죽 먹고 쉬었어요',
  '전복죽을 먹었어요',
  '프로젝트를 끝내고 싶어요',
  '자취방이 살기 싫은 동네에 있어요',
  '할머니가 돌아가셨어요',
  '기죽어 지내요',
  '시험에 떨어졌어요',
  '다리를 다쳤어요',
  '일을 다 끝내고 싶은데 안 끝나요',
  '살이 쪄서 고민',
  '건강이 걱정돼요',
  '아침에 일어나기 싫어요',
  '사는 게 재미없어요',
  '연애하고 싶어요',
];

describe('mentionsSelfHarm', () => {
  for (const text of SIGNS) test(`fires: ${text}`, () => assert.equal(mentionsSelfHarm(text), true));
  for (const text of HARMLESS)
    test(`stays silent: ${text}`, () => assert.equal(mentionsSelfHarm(text), false));

  test('fires wherever the words stand, and however they are spaced and composed', () => {
    const surrounding = fc.string({
      unit: fc.constantFrom('가', '요', ' ', '!', 'ㅠ', '\u200b'),
      maxLength: 200,
    });
    fc.assert(
      fc.property(
        fc.constantFrom('죽고 싶어요', '자살 생각', '사라지고 싶다'),
        surrounding,
        (sign, around) => {
          assert.equal(mentionsSelfHarm(`${around} | ${sign}`), true);
          assert.equal(mentionsSelfHarm(sign.normalize('NFD') + around), true);
          assert.equal(mentionsSelfHarm([...sign].join('\u200b.')), true);
        },
      ),
    );
  });

  test('answers for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => typeof mentionsSelfHarm(text) === 'boolean'),
    );
  });
});

test('the help lines are the national ones', () => {
  assert.deepEqual(
    CRISIS_SUPPORT.contacts.map(({ phone }) => phone),
    ['109', '1577-0199', '1588-9191', '1388', '119'],
  );
});
