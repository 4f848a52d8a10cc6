import { z } from 'zod';

/** Blank is as good as nothing. */
export const words = z.string().trim().min(1);

/** Every text of an answer with its place in it. */
export function textsOf(value: unknown, path = ''): { path: string; text: string }[] {
  if (typeof value === 'string') return [{ path, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, nested]) => textsOf(nested, path ? `${path}.${key}` : key));
}

/** Of the letters of an answer, the least part that is Korean: names and terms may be in another script. */
const LEAST_KOREAN = 0.7;

/** What no answer may be, whatever part it is of. `allowed` has the texts that contacts may come from. */
export function commonFaults(answer: unknown, allowed: readonly string[]): string[] {
  const texts = textsOf(answer);
  const letters = [...texts.map(({ text }) => text).join('')].filter((letter) => /\p{L}/u.test(letter));
  const korean = letters.filter((letter) => /\p{Script=Hangul}/u.test(letter));
  const known = allowed.join('\n');
  const numbers = new Set(contactsIn(known).filter(isNumber).map(digitsOf));
  // A telephone number is the same however it is written, and a part of one is another.
  const isKnown = (contact: string) =>
    isNumber(contact) ? numbers.has(digitsOf(contact)) : known.includes(contact);
  return [
    ...(korean.length < letters.length * LEAST_KOREAN ? ['answer: not in Korean'] : []),
    ...texts
      .filter(({ text }) => contactsIn(text).some((contact) => !isKnown(contact)))
      .map(({ path }) => `${path}: a link or a telephone number that is not among the data`),
  ];
}

/** Links, addresses and telephone numbers. A wrong one sends somebody in need to nowhere, or to somebody else. */
function contactsIn(text: string): string[] {
  return [
    ...(text.match(/(?:https?:\/\/|www\.)[^\s)\]”’]+/g) ?? []),
    ...(text.match(/[\w.+-]+@[\w-]+\.[\w.]+/g) ?? []),
    ...(text.match(/(?<!\d)(?:0\d{1,2}[-.\s)]{0,2}\d{3,4}[-.\s]?\d{4}|1[568]\d{2}[-.\s]?\d{4})(?!\d)/g) ??
      []),
  ];
}

function isNumber(contact: string): boolean {
  return /^[\d\s.)-]+$/.test(contact);
}

function digitsOf(number: string): string {
  return number.replace(/\D/g, '');
}
