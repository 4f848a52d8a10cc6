import type { Composer } from './compose.ts';

const NAMES = 'abc';

/** Puts items into sentences that name them {a}, {b}, {c}. A list of another length is only listed. */
export function enumerate(
  items: readonly string[],
  templates: readonly string[],
  purpose: string,
  compose: Composer,
): string {
  const named = [...NAMES].filter((name) => templates[0]?.includes(`{${name}`));
  if (items.length !== named.length) return `${items.join(', ')} 같은 것들이 있어요.`;
  const words = Object.fromEntries(items.map((item, index) => [NAMES.charAt(index), item]));
  return compose(purpose, [templates], { words });
}
