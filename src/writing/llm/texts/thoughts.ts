/**
 * In Korean, single marks set thoughts and phrases apart, double marks what somebody has said. Models know that, and
 * write '나만 멈춘 건 아닐까' 하는 불안 all the time. But they put what they make people say between single marks as well.
 */

/** Characters with both marks. Nobody thinks longer than that in one piece. */
const LONGEST = 60;

/** Words after a thought, with what is written on to it, by which it is known. */
const WORDS = 4;

/** It ends like a sentence: a phrase does not, and is nothing that anybody has said. */
const SENTENCE = /[다요까야지네군어아해래자라걸데죠니냐나게만고며서][\s.?!…~]*.$/u;

/** It is from somewhere, whatever it looks like. */
const CITED = /기사|보도|뉴스|칼럼|책|논문|연구|조사|통계|영상|인터뷰/u;

/** What goes on within: with 하는, 라는 or the like before it, and a word between. */
const WITHIN =
  /^(?:이?라는|이?라던|이?란|는|던|\s?하는|\s?하던|\s?싶은|\s?같은)\s+(?:\S+\s+)?(?:생각|마음|느낌|기분|감정|감각|질문|물음|의문|의심|불안|걱정|고민|두려움|막막|기대|압박|부담|다짐|바람|희망|후회|자책|죄책|조급|초조|허락|믿음|외로움|서운|아쉬움|체념|안도|위로|혼잣말|마음속)/u;
const TO_ONESELF =
  /^(?:\s?싶[은었어]|(?:이?라|하)?고\s+(?:\S+\s+)?(?:생각|느[끼꼈낄껴]|되뇌|되물|자책|다짐|스스로|혼자)|\s?하고\s+(?:\S+\s+)?(?:생각|되뇌|되물|자책|다짐|스스로|혼자))/u;

/** What might be said one day, by whoever reads it. */
const ONE_DAY =
  /^(?:이?라|하)?고\s+(?:\S+\s+)?(?:말해|답해|대답해|이야기해|얘기해|적어|물어)\s?(?:보|볼|봐|줄)/u;

/** Whether what single marks enclose is a thought or a phrase, by itself and by the words after it. */
export function isThought(quotation: string, after: string): boolean {
  const [next = ''] = NEXT.exec(after) ?? [];
  if (quotation.length > LONGEST || CITED.test(next)) return false;
  return !SENTENCE.test(quotation) || [WITHIN, TO_ONESELF, ONE_DAY].some((sign) => sign.test(next));
}

/** Whether a text that goes on has as much after the quotation as decides. */
export function hasWordsForThought(after: string): boolean {
  return WORDS_AFTER.test(after);
}

const WORDS_AFTER = new RegExp(`^\\S*(?:\\s+\\S+){${WORDS - 1}}`, 'u');
const NEXT = new RegExp(`^\\S*(?:\\s+\\S+){0,${WORDS - 1}}`, 'u');
