import { textsOf } from './answer-texts.ts';

/** Characters between quotation marks from which on it is somebody's words, and not a word set apart. */
const LEAST_QUOTE = 15;

/** What stands between the marks of a quotation, Korean and Western. */
const QUOTATION = /[“"「『‘]([^“”"「」『』‘’]+)[”"」』’]/g;

/** Replaces the words that nobody among the sources has said by words that somebody has. */
export function keepQuotes(text: string, allowed: readonly string[], instead: string): string {
  const isSaid = saidBy(allowed);
  return text.replace(QUOTATION, (whole, said: string) => (isSaid(said) ? whole : `“${instead}”`));
}

/** Where an answer quotes what nobody among the sources has said: in parts that have no quotation of their own. */
export function quoteFaults(answer: unknown, allowed: readonly string[]): string[] {
  const isSaid = saidBy(allowed);
  return textsOf(answer)
    .filter(({ text }) => [...text.matchAll(QUOTATION)].some(([, said = '']) => !isSaid(said)))
    .map(({ path }) => `${path}: a quotation that is not among the data`);
}

/** Whether the words are short enough to be set apart alone, or stand in a source. */
function saidBy(sources: readonly string[]): (said: string) => boolean {
  const known = sources.map(plain);
  return (said) => said.length < LEAST_QUOTE || known.some((source) => source.includes(plain(said)));
}

function plain(text: string): string {
  return text.normalize('NFC').replace(/[^\p{L}\p{N}]+/gu, '');
}
