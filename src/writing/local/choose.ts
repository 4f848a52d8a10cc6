import { createHash } from 'node:crypto';
import type { PersonaBrief } from '../../domain/ports.ts';

/** Everything that may make two sessions read differently, in one digest. */
export function seedOf({ topic, history, variant }: PersonaBrief): string {
  return digest(
    JSON.stringify([
      topic.tagId,
      topic.userContext?.normalize('NFC') ?? null,
      history.lastPersona,
      history.shownQuotes,
      topic.userContext === null ? variant : null,
    ]),
  ).toString('hex');
}

export type Picker = <T>(options: readonly T[]) => T;

/**
 * Chooses by seed and purpose alone, so that adding a choice somewhere does not change the others.
 *
 * @throws RangeError when there is nothing to choose from.
 */
export function seededPicker(seed: string, purpose: string): Picker {
  const number = seededNumber(seed, purpose);
  return (options) => {
    const chosen = options[number % options.length];
    if (chosen === undefined) throw new RangeError(`nothing to choose from for "${purpose}"`);
    return chosen;
  };
}

/** The options in an order that seed and purpose decide. */
export function seededOrder<T extends string>(seed: string, purpose: string, options: readonly T[]): T[] {
  const numbers = new Map(options.map((option) => [option, seededNumber(seed, `${purpose}\0${option}`)]));
  return options.toSorted((a, b) => (numbers.get(a) ?? 0) - (numbers.get(b) ?? 0));
}

/** A number below 2^48, the same for the same seed and purpose. */
export function seededNumber(seed: string, purpose: string): number {
  return digest(`${seed}\0${purpose}`).readUIntBE(0, 6);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
