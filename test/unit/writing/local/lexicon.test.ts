import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  EMOTIONS,
  type EmotionId,
  readFeelings,
  SITUATIONS,
  type SituationId,
} from '../../../../src/writing/local/lexicon.ts';

type Id = EmotionId | SituationId;

interface Sentence {
  readonly text: string;
  readonly has?: readonly Id[];
  readonly lacks?: readonly Id[];
}

const SENTENCES: readonly Sentence[] = [
  {
    text: '매일 야근하고 집에 오면 너무 지쳐서 씻지도 못하고 자요',
    has: ['exhaustion', 'overtime', 'daily_routine'],
  },
  {
    text: '팀장님이 저한테만 일을 떠넘겨서 억울하고 화가 나요',
    has: ['injustice', 'anger', 'boss', 'workload'],
  },
  {
    text: '요즘 번아웃 온 것 같아요. 퇴사하고 싶은데 돈 걱정 때문에 못 해요',
    has: ['exhaustion', 'leaving_job', 'money'],
  },
  { text: '또 서탈... 광탈만 열 번째라 현타 온다', has: ['emptiness', 'job_rejection'] },
  {
    text: '취준 2년차인데 친구들은 다 취업해서 나만 뒤처진 것 같아',
    has: ['impatience', 'career_gap', 'comparison'],
  },
  { text: '면접에서 떨어질까 봐 불안해서 잠이 안 와요', has: ['anxiety', 'job_rejection', 'falling_asleep'] },
  { text: '자소서 쓰다가 멘붕 왔어요 뭘 해야 할지 모르겠어요', has: ['confusion', 'qualifications'] },
  { text: '공시생 3년째인데 부모님한테 미안해요', has: ['guilt', 'exam', 'family'] },
  { text: '이직을 할까 고민인데 물경력이라 막막합니다', has: ['confusion', 'job_change'] },
  { text: '이 일이 적성에 안 맞는 것 같고 회의감이 들어요', has: ['career_doubt'] },
  { text: '회사에서 갑질이랑 폭언을 당해서 출근이 무서워요', has: ['fear', 'workplace_bullying'] },
  { text: '아무리 노력해도 인정받지 못해서 서운해요', has: ['hurt', 'no_recognition'] },
  { text: '새벽 3시까지 뒤척이다가 결국 폰만 봤어요', has: ['falling_asleep', 'phone_at_night'] },
  { text: '자다가 깨면 다시 잠들기가 어렵고 악몽을 꿔요', has: ['night_waking'] },
  { text: '밤낮이 바뀌어서 해 뜨면 자요', has: ['reversed_day'] },
  { text: '누워서 릴스랑 쇼츠만 넘기다 보면 공허해요', has: ['emptiness', 'phone_at_night'] },
  { text: '두통이 계속되는데 혹시 뇌종양일까 겁이 나요', has: ['fear', 'body_symptom', 'illness_fear'] },
  { text: '병원에서 MRI 찍었는데 정상이라는데도 걱정돼요', has: ['anxiety', 'medical_tests'] },
  { text: '무기력해서 하루 종일 누워만 있고 밥도 안 먹어요', has: ['lethargy', 'daily_routine'] },
  { text: '몇 달째 집 밖에 안 나가고 은둔하고 있어요', has: ['staying_in'] },
  { text: '힘들 때 연락할 사람이 한 명도 없어서 외로워요', has: ['loneliness', 'no_one_to_call'] },
  { text: '자취방에서 혼밥하는 게 쓸쓸하다', has: ['loneliness', 'living_alone'] },
  { text: '엄마랑 말이 안 통해서 답답해 미치겠어요', has: ['frustration', 'family', 'communication'] },
  { text: '명절마다 결혼 언제 하냐는 잔소리 듣기 싫어요', has: ['marriage_talk'] },
  {
    text: '꼰대 부장님이 맨날 라떼는 하면서 MZ 어쩌고 해서 짜증나',
    has: ['anger', 'generation_at_work', 'boss'],
  },
  { text: '남친이랑 헤어졌는데 눈물이 안 멈춰요', has: ['sadness', 'breakup'] },
  { text: '제일 친한 친구한테 손절당했어요 읽씹만 하더라고요', has: ['friendship'] },
  { text: '저만 빼고 점심 먹으러 가요. 투명인간 같아요', has: ['left_out'] },
  { text: '부탁을 거절 못 해서 호구 같고 눈치만 봐요', has: ['pressure', 'saying_no'] },
  { text: 'SNS 보면 다들 잘 사는데 제가 초라해 보여요', has: ['shame', 'social_media', 'comparison'] },
  { text: '서른인데 앞으로 어떻게 살아야 할지 막막하고 미래가 안 보여요', has: ['confusion', 'future'] },
  { text: '기대에 부응해야 한다는 압박 때문에 버거워요', has: ['pressure'] },
  { text: '마음이 우울하긴 한데 불안하지는 않아요', has: ['sadness'], lacks: ['anxiety'] },
  { text: '외로운 건 아닌데 그냥 피곤해요', has: ['exhaustion'], lacks: ['loneliness'] },
  { text: '무섭진 않은데 짜증은 나요', has: ['anger'], lacks: ['fear'] },
  { text: '이불 안에서 영화나 보고 전화나 문자는 안 해요', lacks: ['anxiety', 'anger'] },
  { text: '일부러 화가 전시회에 갔다가 돈까스를 먹었어요', lacks: ['anger', 'money', 'comparison'] },
  { text: '혼자 취업 공부하는데 사람이 별로 없어요', lacks: ['living_alone', 'breakup'] },
  {
    text: '아직까지 친구가 해외로 출장 가는 걸 본 적은 없어요',
    lacks: ['exhaustion', 'loneliness', 'staying_in'],
  },
  {
    text: '청소년 때 집에서 운동하는 걸 충분히 좋아했고 비교적 건강했어요',
    lacks: ['hurt', 'comparison', 'daily_routine'],
  },
];

const IDS = {
  emotions: `exhaustion anxiety sadness lethargy anger frustration loneliness shame guilt fear hurt emptiness
    pressure impatience injustice confusion`,
  situations: `overtime workload boss workplace_bullying no_recognition job_rejection career_gap exam
    qualifications comparison job_change career_doubt leaving_job money falling_asleep night_waking
    reversed_day phone_at_night body_symptom illness_fear medical_tests daily_routine staying_in
    no_one_to_call living_alone family marriage_talk generation_at_work breakup friendship left_out
    saying_no communication social_media future`,
};

describe('readFeelings', () => {
  for (const { text, has = [], lacks = [] } of SENTENCES) {
    it(text, () => {
      const { emotions, situations } = readFeelings(text);
      const found: readonly Id[] = [...emotions, ...situations];
      assert.deepEqual(
        has.filter((id) => !found.includes(id)),
        [],
        `missing; found ${found.join(', ')}`,
      );
      assert.deepEqual(
        lacks.filter((id) => found.includes(id)),
        [],
        `unwanted; found ${found.join(', ')}`,
      );
    });
  }

  it('puts the most often matched first, whatever comes first in the text', () => {
    assert.deepEqual(readFeelings('슬픈데, 외롭고 또 외로워요').emotions, ['loneliness', 'sadness']);
  });

  it('breaks a tie by the first position in the text', () => {
    assert.deepEqual(readFeelings('외롭고 슬퍼요').emotions, ['loneliness', 'sadness']);
    assert.deepEqual(readFeelings('슬프고 외로워요').emotions, ['sadness', 'loneliness']);
  });

  it('counts a word once, and the rest of the text after a negated word', () => {
    assert.deepEqual(readFeelings('슬프지 않다고 했지만 슬퍼요. 외로워요').emotions, [
      'sadness',
      'loneliness',
    ]);
  });

  it('does not take a stem with its own negation, a doubt or a double negative for a denial', () => {
    assert.deepEqual(readFeelings('잠이 오지 않아요').situations, ['falling_asleep']);
    assert.deepEqual(readFeelings('우울한 건 아닌지 싶어요').emotions, ['sadness']);
    assert.deepEqual(readFeelings('슬프지 않을 수 없어요').emotions, ['sadness']);
  });

  it('ignores white space, case and the form of composition', () => {
    const expected = readFeelings('인스타sns 때문에 외로워요');
    assert.deepEqual(readFeelings('인 스타\nSNS 때문에 외로 워요'.normalize('NFD')), expected);
    assert.deepEqual(expected, { emotions: ['loneliness'], situations: ['social_media'] });
  });

  it('finds nothing in a text that says nothing', () => {
    assert.deepEqual(readFeelings(''), { emotions: [], situations: [] });
    assert.deepEqual(readFeelings('오늘 점심에는 국수를 먹었어요'), { emotions: [], situations: [] });
  });
});

describe('the lexicon', () => {
  it('has the ids of the corpus', () => {
    assert.deepEqual(Object.keys(EMOTIONS), IDS.emotions.split(/\s+/u));
    assert.deepEqual(Object.keys(SITUATIONS), IDS.situations.split(/\s+/u));
  });

  it('has stems in the form in which they are looked up', () => {
    for (const [id, { stems }] of Object.entries({ ...EMOTIONS, ...SITUATIONS })) {
      assert.ok(stems.length >= 12 && stems.length <= 30, id);
      assert.equal(new Set(stems).size, stems.length, id);
      for (const stem of stems) assert.match(stem.normalize('NFC'), /^[가-힣a-z0-9]{2,}$/u, id);
      assert.deepEqual(
        stems.map((stem) => stem.normalize('NFC')),
        stems,
      );
    }
  });
});
