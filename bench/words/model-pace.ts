import type { Pace } from '../../test/support/fake-model/fake-model.ts';

/** Milliseconds and tokens a second at the median, about what Gemini 2.5 Flash answers from Seoul; half as much more is usual. */
const FIRST_TOKEN_MS = 400;
const TOKENS_PER_SECOND = 250;
const SPREAD = 0.25;

/** A model whose calls differ as real ones do, and are the same in every run. */
export function modelPace(): Pace {
  const next = seededRandom(20_260_101);
  const logNormal = (median: number) => median * Math.exp(SPREAD * gaussian(next));
  return {
    firstTokenMs: () => logNormal(FIRST_TOKEN_MS),
    tokensPerSecond: () => logNormal(TOKENS_PER_SECOND),
  };
}

/** Box and Muller's transform. */
function gaussian(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** Numerical Recipes' linear congruential generator: from 0 to 1, without 1. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
