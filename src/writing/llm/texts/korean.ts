/** Of the letters of a text, the least part that is Korean: names and terms may be in another script. */
const LEAST_KOREAN = 0.7;

/** Letters of another script that a text may have whatever its length, as long as it has a Korean word: SNS, EAP. */
const FEW = 10;

const LETTER = /\p{L}/u;
const HANGUL = /\p{Script=Hangul}/u;

/** Whether most of it is Korean, and not a little of it alone. */
export function isMostlyKorean(text: string): boolean {
  const { letters, korean } = count(text);
  return korean >= letters * LEAST_KOREAN;
}

/** Finds where a text is no longer Korean: after the last word up to which it is. */
export function findForeignWords(text: string): number | undefined {
  if (isKorean(count(text))) return undefined;
  let end = 0;
  const soFar = { letters: 0, korean: 0 };
  for (const { 0: word, index } of text.matchAll(/\S+/g)) {
    const { letters, korean } = count(word);
    soFar.letters += letters;
    soFar.korean += korean;
    if (isKorean(soFar)) end = index + word.length;
  }
  return end;
}

interface Letters {
  readonly letters: number;
  readonly korean: number;
}

function isKorean({ letters, korean }: Letters): boolean {
  const foreign = letters - korean;
  return foreign === 0 || (korean > 0 && (foreign <= FEW || korean >= letters * LEAST_KOREAN));
}

function count(text: string): Letters {
  const letters = [...text].filter((character) => LETTER.test(character));
  return { letters: letters.length, korean: letters.filter((letter) => HANGUL.test(letter)).length };
}
