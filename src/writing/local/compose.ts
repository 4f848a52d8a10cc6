import { josa } from 'es-hangul';
import { seededPicker } from './choose.ts';

/** A sentence or title in parts: every option of one slot goes with every option of the next. */
export type Slots = readonly (readonly string[])[];

export type Words = Readonly<Record<string, string>>;

/** `after` is the sentence before, whose ending is not repeated where there is another choice. */
export type Composer = (purpose: string, slots: Slots, given?: { words?: Words; after?: string }) => string;

/** Writes sentences by seed; a purpose of one scope does not meet the same purpose of another. */
export function composer(seed: string, scope: string): Composer {
  return (purpose, slots, { words = {}, after = '' } = {}) => {
    const parts = slots.map((options, slot) =>
      seededPicker(seed, `${scope}.${purpose}.${slot}`)(endingUnlike(after, options)),
    );
    return fill(parts.join(' '), words);
  };
}

/** Korean sentences end in their verb: two in a row with the same one sound like a filled-in form. */
function endingUnlike(after: string, options: readonly string[]): readonly string[] {
  const unlike = options.filter((option) => ending(option) !== ending(after));
  return unlike.length > 0 ? unlike : options;
}

/** 있어요. 거예요. 겠지요. */
function ending(sentence: string): string {
  return sentence.slice(-4);
}

type Particle = Parameters<typeof josa>[1];

/** How the last digit of a number is read aloud, which decides the particle after it. */
const DIGITS = '영일이삼사오육칠팔구';

/**
 * Puts words into a template: `{situation:이/가}` takes the particle that fits the word, `{situation}` none.
 *
 * @throws TypeError when the template names a word that is not given.
 */
export function fill(template: string, words: Words): string {
  return template.replace(/\{(\w+)(?::([^}]+))?\}/g, (_, name: string, particle?: string) => {
    const word = words[name];
    if (word === undefined) throw new TypeError(`no word for {${name}} in "${template}"`);
    return particle === undefined ? word : `${word}${josa.pick(lastSound(word), particle as Particle)}`;
  });
}

/** What closes a bracket or a quotation is silent. */
function lastSound(word: string): string {
  const last = word.replace(/[^\p{L}\p{N}]+$/u, '').at(-1) ?? word;
  return /\d/.test(last) ? (DIGITS[Number(last)] ?? last) : last;
}
