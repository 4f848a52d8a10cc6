/** Characters between quotation marks from which on it is somebody's words, and not a word set apart. */
const LEAST_QUOTE = 15;

/** Replaces the words that nobody among the sources has said by words that somebody has. */
export function keepQuotes(text: string, allowed: readonly string[], instead: string): string {
  const known = allowed.map(plain);
  return text.replace(/[“"]([^“”"]+)[”"]/g, (whole, said: string) =>
    said.length < LEAST_QUOTE || known.some((source) => source.includes(plain(said)))
      ? whole
      : `“${instead}”`,
  );
}

function plain(text: string): string {
  return text.normalize('NFC').replace(/[^\p{L}\p{N}]+/gu, '');
}
