import { hasWordsForThought, isThought } from './thoughts.ts';

/** Characters between quotation marks from which on it is somebody's words, and not a word set apart. */
const LEAST_QUOTE = 15;

/** What opens a quotation, Korean and Western, and what closes it. */
const MARKS = [
  ['“', '”"'],
  ['"', '"”'],
  ['「', '」'],
  ['『', '』'],
  ['‘', "’'"],
] as const;

/** A straight single mark opens a quotation only where no word is before it: elsewhere it is an apostrophe. */
const SINGLE = "(?<![\\p{L}\\p{N}])'";

const CLOSED = [...MARKS.map(([open, close]) => `${open}[^${close}]*[${close}]`), `${SINGLE}[^'’]+['’]`];
const UNCLOSED = MARKS.map(([open, close]) => `${open}[^${close}]*$`);

/**
 * A quotation with its marks; one that nothing closes goes on to the end, and is captured. So no mark is looked at
 * twice: a model that writes marks on and on holds nobody up.
 */
const QUOTATION = new RegExp(`${CLOSED.join('|')}|(${UNCLOSED.join('|')})`, 'gu');
const OPEN_SINGLE = new RegExp(SINGLE, 'u');

/** Syllables at the end of a quotation that may be others: 모르겠어요 is quoted as 모르겠다. */
const ENDING = 2;

/** Replaces the words that nobody among the sources has said by words that somebody has. */
export function keepQuotes(text: string, sources: readonly string[], instead: string): string {
  const isFair = fairWith(sources);
  return text.replace(QUOTATION, (quotation, _unclosed, index: number) =>
    isFair(quotation, text.slice(index + quotation.length)) ? quotation : `“${instead}”`,
  );
}

/** Finds where a text begins to quote what nobody among the sources has said. */
export function findInvented(sources: readonly string[]): (text: string) => number | undefined {
  const isFair = fairWith(sources);
  return (text) =>
    [...text.matchAll(QUOTATION)].find(
      ({ 0: quotation, index }) => !isFair(quotation, text.slice(index + quotation.length)),
    )?.index;
}

/**
 * A text that goes on, without a quotation that is not closed yet: nobody knows how it ends. One that may be a thought
 * is known by the words after it.
 */
export function withoutOpenQuotation(text: string): string {
  const quotations = [...text.matchAll(QUOTATION)];
  const unclosed = quotations.find(({ 1: open }) => open !== undefined);
  const single = text.replace(QUOTATION, ({ length }) => '.'.repeat(length)).search(OPEN_SINGLE);
  const settled = text.slice(0, Math.min(unclosed?.index ?? text.length, single < 0 ? text.length : single));
  const undecided = quotations.find(
    ({ 0: quotation, index }) =>
      isLong(quotation) &&
      isSingle(quotation) &&
      !hasWordsForThought(settled.slice(index + quotation.length)),
  );
  return settled.slice(0, undecided?.index);
}

/** Whether the words are short enough to be set apart alone, stand in a source, or are somebody's thoughts. */
function fairWith(sources: readonly string[]): (quotation: string, after: string) => boolean {
  const known = sources.map(plain);
  return (quotation, after) => {
    if (!isLong(quotation)) return true;
    const words = plain(quotation).slice(0, -ENDING);
    return (
      known.some((source) => source.includes(words)) || (isSingle(quotation) && isThought(quotation, after))
    );
  };
}

function isLong(quotation: string): boolean {
  return quotation.length - 2 >= LEAST_QUOTE;
}

function isSingle(quotation: string): boolean {
  return /^['‘]/.test(quotation);
}

function plain(text: string): string {
  return text.normalize('NFC').replace(/[^\p{L}\p{N}]+/gu, '');
}
