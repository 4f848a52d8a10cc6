import type { DeepPartial } from '../../../domain/ports.ts';
import { textsOf } from './answer-texts.ts';
import { findForeignContact } from './contacts.ts';
import { findForeignWords, isMostlyKorean } from './korean.ts';
import { findInvented } from './quotations.ts';

export interface TextRules {
  /** What is wrong with the texts of an answer: places and rules, never its words. */
  faultsOf(answer: unknown): string[];
  /** The same for quotations alone, which some texts are not refused for: they are given others. */
  quoteFaultsOf(answer: unknown): string[];
  /**
   * What of an answer that is being written can be shown: each text up to where it breaks a rule. Undefined while
   * there is nothing to read.
   */
  readable<Answer>(soFar: DeepPartial<Answer>): DeepPartial<Answer> | undefined;
}

/** What the texts of every answer keep to. `sources` has all that contacts and quotations may come from. */
export function textRules(sources: readonly string[]): TextRules {
  const quotation = findInvented(sources);
  const rules = [
    { name: 'not in Korean', find: findForeignWords },
    { name: 'a link or a telephone number that is not among the data', find: findForeignContact(sources) },
  ];
  const finds = [...rules.map(({ find }) => find), quotation];

  return {
    faultsOf(answer) {
      const texts = textsOf(answer);
      const broken = texts.flatMap(({ path, text }) =>
        rules.filter(({ find }) => find(text) !== undefined).map(({ name }) => `${path}: ${name}`),
      );
      return isMostlyKorean(texts.map(({ text }) => text).join(''))
        ? broken
        : ['answer: not in Korean', ...broken];
    },

    quoteFaultsOf: (answer) =>
      textsOf(answer)
        .filter(({ text }) => quotation(text) !== undefined)
        .map(({ path }) => `${path}: a quotation that is not among the data`),

    readable<Answer>(soFar: DeepPartial<Answer>) {
      const upTo = (text: string) => {
        const end = Math.min(text.length, ...finds.map((find) => find(text) ?? text.length));
        return text.slice(0, end).trimEnd();
      };
      const shown = mapTexts(soFar, upTo) as DeepPartial<Answer>;
      return textsOf(shown).length > 0 ? shown : undefined;
    },
  };
}

/** The same with other texts; an empty one is left out. */
function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value) || undefined;
  if (Array.isArray(value)) {
    return value.map((item) => mapTexts(item, change)).filter((item) => item !== undefined);
  }
  if (typeof value !== 'object' || value === null) return value;
  const changed = Object.entries(value).map(([key, nested]) => [key, mapTexts(nested, change)] as const);
  return Object.fromEntries(changed.filter(([, nested]) => nested !== undefined));
}
