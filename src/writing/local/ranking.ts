import { seededNumber } from './choose.ts';

/** What a candidate is compared by with what the user wrote. */
export interface Traits {
  readonly text: string;
  readonly emotions: readonly string[];
  readonly situations: readonly string[];
}

/** What candidates are to fit. */
interface Wanted {
  readonly words: string | null;
  readonly emotions: readonly string[];
  readonly situations: readonly string[];
}

export interface RankingOptions<T> {
  readonly reading: Wanted;
  readonly seed: string;
  readonly purpose: string;
  readonly traits: (candidate: T) => Traits;
  /** Candidates that come after all others. */
  readonly isLast?: (candidate: T) => boolean;
}

/**
 * The best candidates in order. Fit counts first, and more for what nothing chosen so far speaks to; then how
 * much the words are alike; then the seed.
 */
export function chooseByFit<T extends object>(
  candidates: readonly T[],
  count: number,
  options: RankingOptions<T>,
): T[] {
  const { reading, seed, purpose, traits, isLast } = options;
  const found = new Set<string>([...reading.emotions, ...reading.situations]);
  const words = trigrams(reading.words ?? '');
  const remaining = candidates.map((candidate) => {
    const { text, emotions, situations } = traits(candidate);
    return {
      candidate,
      matches: [...new Set([...emotions, ...situations])].filter((id) => found.has(id)),
      last: isLast?.(candidate) ? 1 : 0,
      likeness: likeness(words, trigramsOf(candidate, text)),
      order: seededNumber(seed, `${purpose}\0${text}`),
    };
  });

  const chosen: T[] = [];
  const covered = new Set<string>();
  while (chosen.length < count) {
    const scored = remaining.map((entry) => ({
      entry,
      // Twice for what is not covered yet: three voices that all say the same would leave the rest unheard.
      fit: entry.matches.length + entry.matches.filter((id) => !covered.has(id)).length,
    }));
    scored.sort(
      (a, b) =>
        a.entry.last - b.entry.last ||
        b.fit - a.fit ||
        b.entry.likeness - a.entry.likeness ||
        a.entry.order - b.entry.order,
    );
    const best = scored[0]?.entry;
    if (best === undefined) break;
    chosen.push(best.candidate);
    for (const id of best.matches) covered.add(id);
    remaining.splice(remaining.indexOf(best), 1);
  }
  return chosen;
}

const known = new WeakMap<object, ReadonlySet<string>>();

/** Of a candidate, once for as long as its source is cached: the corpus is the same for every session. */
function trigramsOf(candidate: object, text: string): ReadonlySet<string> {
  const found = known.get(candidate) ?? trigrams(text);
  known.set(candidate, found);
  return found;
}

function trigrams(text: string): Set<string> {
  const letters = [...text.replace(/[^\p{L}\p{N}]+/gu, ' ').trim()];
  return new Set(letters.slice(2).map((letter, index) => `${letters[index]}${letters[index + 1]}${letter}`));
}

/** Dice's coefficient, 0 to 1. */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 || b.size === 0) return 0;
  return (2 * a.intersection(b).size) / (a.size + b.size);
}
