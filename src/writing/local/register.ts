import { hasBatchim } from 'es-hangul';

/**
 * The corpus mixes 하십시오체 and 해요체; a card speaks in 해요체 throughout. Korean conjugation is irregular, so only
 * endings that are listed change, and everything else stays as it was written.
 */
export function inHaeyo(text: string): string {
  return text.replace(
    /([가-힣]?)((?!습)[가-힣])(습니다|니다)(?=[.?]|$)/gu,
    (formal, before, stem, ending) => {
      const whole = WHOLE_STEMS[`${before}${stem}`];
      if (whole !== undefined) return whole;
      const informal = ending === '습니다' ? afterConsonant(stem) : afterVowel(before, stem);
      return informal === undefined ? formal : `${before}${informal}`;
    },
  );
}

/** Stems of which more than the last syllable changes, or that the rules below would mistake. */
const WHOLE_STEMS: Readonly<Record<string, string>> = {
  모릅: '몰라요',
  다릅: '달라요',
  드뭅: '드물어요',
  아닙: '아니에요',
  보입: '보여요',
  꺾입: '꺾여요',
  쌓입: '쌓여요',
  섞입: '섞여요',
  놓입: '놓여요',
};

const CONSONANT_STEMS: Readonly<Record<string, string>> = {
  없: '없어요',
  싶: '싶어요',
  깊: '깊어요',
  늦: '늦어요',
  않: '않아요',
  많: '많아요',
  찮: '찮아요',
  같: '같아요',
  좋: '좋아요',
  놓: '놓아요',
  닳: '닳아요',
  남: '남아요',
  앉: '앉아요',
  높: '높아요',
  낮: '낮아요',
  맞: '맞아요',
  작: '작아요',
  렵: '려워요',
  겁: '거워요',
  럽: '러워요',
  롭: '로워요',
  쉽: '쉬워요',
  볍: '벼워요',
  돕: '도와요',
  묻: '물어요',
};

/** Keyed by the syllable that ㅂ closes: 합(니다) is 해요. */
const VOWEL_STEMS: Readonly<Record<string, string>> = {
  합: '해요',
  됩: '돼요',
  겁: '거예요',
  집: '져요',
  립: '려요',
  칩: '쳐요',
  킵: '켜요',
  힙: '혀요',
  낍: '껴요',
  옵: '와요',
  봅: '봐요',
  갑: '가요',
  납: '나요',
  찹: '차요',
  줍: '줘요',
  둡: '둬요',
  픕: '파요',
  듭: '들어요',
  압: '알아요',
};

function afterConsonant(stem: string): string | undefined {
  return CONSONANT_STEMS[stem] ?? (endsInDoubleSiot(stem) ? `${stem}어요` : undefined);
}

function afterVowel(before: string, stem: string): string | undefined {
  if (stem === '입' && before !== '') return hasBatchim(before) ? '이에요' : '예요';
  return VOWEL_STEMS[stem];
}

/** 있, 했, 었, 겠, …: the 28 finals of a syllable block are numbered, and ㅆ is the 20th. */
function endsInDoubleSiot(syllable: string): boolean {
  return (syllable.charCodeAt(0) - 0xac00) % 28 === 20;
}
