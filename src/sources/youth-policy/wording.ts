/** Texts of the API are notes of officials: bullets, headings, line breaks, at times markup or a broken character. */

/** Characters: with the longest of each, a card of 500 still holds one policy beside all else. */
const LONGEST_NAME = 50;
const LONGEST_SUMMARY = 100;
/** Fewer say nothing. */
const SHORTEST_SUMMARY = 10;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: ' ',
  middot: '·',
};

/** One name on one line, without marks that would nest in the quotation marks of a card. */
export function nameOf(text: string): string {
  return shortened(oneLine(text.replace(/['"‘’“”]/g, '').replaceAll('_', ' ')), LONGEST_NAME);
}

/** The first line that says something, without bullet and heading; undefined when there is none. */
export function summaryOf(...texts: readonly string[]): string | undefined {
  const lines = texts
    .flatMap((text) => withoutMarkup(text).split(/[\r\n]+/))
    .map((line) => shortened(withoutHeading(oneLine(line)), LONGEST_SUMMARY));
  return lines.find((line) => line.length >= SHORTEST_SUMMARY && /\p{Script=Hangul}{2}/u.test(line));
}

function oneLine(text: string): string {
  return (
    withoutMarkup(text)
      // What the API's own database made of a middle dot.
      .replaceAll('\u{1b3c}', '·')
      .replace(/[\p{C}\p{Z}\ufffd]+/gu, ' ')
      .trim()
      .normalize('NFC')
  );
}

function withoutMarkup(text: string): string {
  return text
    .replace(/<br\s*\/?>|<\/(p|li|div)>/gi, '\n')
    .replace(/<\/?[a-z][^>]*>/gi, '')
    .replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

/** "○ (사업목적) …" and "- 지원내용 : …" start with what they are about. */
function withoutHeading(line: string): string {
  return line
    .replace(/^[^\p{L}\p{N}([<「『‘“'"]+/u, '')
    .replace(/^[([<【]\s*[\p{L}\p{N}\s·]{1,12}\s*[)\]>】]\s*[:：]?\s*/u, '')
    .replace(/^[\p{Script=Hangul}\s]{1,8}\s*[:：]\s*/u, '')
    .replace(/^[^\p{L}\p{N}([<「『‘“'"]+/u, '')
    .replace(/[‘’]/g, "'")
    .trim();
}

/** Ends with a sentence where one fits, else with a word and an ellipsis. */
function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit - 1);
  const sentence = /^.*[다요][.](?=\s|$)/su.exec(cut)?.[0];
  if (sentence !== undefined && sentence.length * 4 > limit) return sentence;
  return `${cut.replace(/[\ud800-\udbff]$/, '').replace(/(?<=.{10})\s+\S*$/su, '')}…`;
}
