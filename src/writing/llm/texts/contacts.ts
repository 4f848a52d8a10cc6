/** Links and addresses: with their scheme, of mail, of an account, by a name that has a dot in it. */
const ADDRESS =
  /(?:https?:\/\/|www\.)[^\s)\]”’"'<>]+|(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.]+|@[a-z][\w.]{2,}|(?<![\w.@/-])[a-z][\w-]*(?:\.[\w-]+)*\.[a-z]{2,}(?![\w-])/gi;

/** What is written between the parts of a number: models have dashes of all kinds, with spaces around them. */
const DASHES = '\\-\u2010-\u2015\u2212';
const GAP = `[${DASHES}.\\s]{0,3}`;

/** Telephone numbers of eight digits and more: with an area code, of a mobile, of a company, from abroad. */
const LONG_NUMBER = new RegExp(
  `(?<!\\d)(?:0(?:50\\d|\\d{1,2})[)]?${GAP}\\d{3,4}${GAP}\\d{4}|1[568]\\d{2}${GAP}\\d{4}|\\+82${GAP}\\d{1,2}${GAP}\\d{3,4}${GAP}\\d{4})(?!\\d)`,
  'g',
);

/** Emergency and counselling numbers are of three digits (109, 119) and of four that begin with 13 (1388, 1393). */
const SERVICE = '1(?:0[79]|1\\d|2[0-35-9]|3[1-4]|41|8[28])|13\\d\\d';

/** What makes a count of a number, right after it and with a space between. */
const UNIT =
  '년|월|일|개|주|시|분|초|명|원|만|천|억|회|차|쪽|장|권|곡|점|세|살|층|호|동|걸음|보|가지|곳|건|문|통|잔|줄|자|배|인|여|대|평|편|킬로|미터|센티|그램|리터|칼로리|퍼센트|프로|단계|단어|사람|번[째의도씩쯤]|번이나|번 ?(?:넘|이상|이하|정도|가까|남짓)|%|℃|[A-Za-z]';
const SPACED_UNIT =
  '년|개월|일(?![가-힣])|시간|분(?![가-힣])|명|원|만 |번째|여|킬로|퍼센트|%|[kcm]?[mg](?![a-z])';

/** Not a part of a longer number, of a range, a date, a time or a name. */
const SHORT_NUMBER = new RegExp(
  `(?<![\\dA-Za-z]|\\d[.,:~${DASHES}])(?:${SERVICE})(?!\\d|[.,:~${DASHES}]\\d|${UNIT}|\\s(?:${SPACED_UNIT}))`,
  'g',
);

const NUMBER_PART = new RegExp(`[\\d\\s+().${DASHES}]`);

interface Contact {
  readonly text: string;
  readonly index: number;
  readonly isNumber: boolean;
}

/**
 * Finds where a text names a link, an address or a telephone number that is not in the sources. A wrong one sends
 * somebody in need to nowhere, or to somebody else.
 */
export function findForeignContact(sources: readonly string[]): (text: string) => number | undefined {
  const known = sources.join('\n');
  const contacts = contactsIn(known).filter(({ isNumber }) => isNumber);
  const numbers = new Set(contacts.map(({ text }) => digitsOf(text)));
  // A telephone number is the same however it is written, and a part of one is another.
  const isKnown = ({ text, isNumber }: Contact) =>
    isNumber ? numbers.has(digitsOf(text)) : known.includes(text);
  return (text) => {
    const foreign = contactsIn(text).filter((contact) => !isKnown(contact));
    return foreign.length === 0 ? undefined : Math.min(...foreign.map(({ index }) => index));
  };
}

/** A text that goes on, without a number at its end: there may be more of it to come. */
export function withoutOpenNumber(text: string): string {
  // From the end: a pattern that ends with it would be tried at every digit of a text.
  let end = text.length;
  while (NUMBER_PART.test(text.charAt(end - 1))) end -= 1;
  const begin = text.slice(end).search(/[\d+(]/);
  return begin < 0 ? text : text.slice(0, end + begin);
}

function contactsIn(text: string): Contact[] {
  // Three digits in the middle of a long number are none of their own.
  const others = text.replace(LONG_NUMBER, ({ length }) => '_'.repeat(length));
  const all = (pattern: RegExp, isNumber: boolean, within = text) =>
    [...within.matchAll(pattern)].map(({ 0: found, index }) => ({
      text: found.replace(/[.,;:!?]+$/, ''),
      index,
      isNumber,
    }));
  return [...all(ADDRESS, false), ...all(LONG_NUMBER, true), ...all(SHORT_NUMBER, true, others)];
}

/** From abroad it is the same number without its zero. */
function digitsOf(number: string): string {
  return number.replace(/^\+82/, '0').replace(/\D/g, '').replace(/^00/, '0');
}
