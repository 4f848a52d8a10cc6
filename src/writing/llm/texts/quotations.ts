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

/** A quotation with its marks; one that nothing closes goes on to the end. */
const QUOTATION = new RegExp([...CLOSED, ...UNCLOSED].join('|'), 'gu');
const CLOSED_QUOTATION = new RegExp(CLOSED.join('|'), 'gu');
const OPENING = new RegExp(`[${MARKS.map(([open]) => open).join('')}]|${SINGLE}`, 'u');

/** Replaces the words that nobody among the sources has said by words that somebody has. */
export function keepQuotes(text: string, sources: readonly string[], instead: string): string {
  const isSaid = saidBy(sources);
  return text.replace(QUOTATION, (quotation) => (isSaid(quotation) ? quotation : `“${instead}”`));
}

/** Finds where a text begins to quote what nobody among the sources has said. */
export function findInvented(sources: readonly string[]): (text: string) => number | undefined {
  const isSaid = saidBy(sources);
  return (text) => [...text.matchAll(QUOTATION)].find(([quotation]) => !isSaid(quotation))?.index;
}

/** A text that goes on, without a quotation that is not closed yet: nobody knows how it ends. */
export function withoutOpenQuotation(text: string): string {
  const begin = text.replace(CLOSED_QUOTATION, ({ length }) => '.'.repeat(length)).search(OPENING);
  return begin < 0 ? text : text.slice(0, begin);
}

/** Whether the words are short enough to be set apart alone, or stand in a source. */
function saidBy(sources: readonly string[]): (quotation: string) => boolean {
  const known = sources.map(plain);
  return (quotation) =>
    quotation.length - 2 < LEAST_QUOTE || known.some((source) => source.includes(plain(quotation)));
}

function plain(text: string): string {
  return text.normalize('NFC').replace(/[^\p{L}\p{N}]+/gu, '');
}
