/** Entries before it is worth looking for those that are gone. */
const LEAST = 256;

/**
 * First in, first out, with entries that may be gone by the time it is their turn: `isThere` tells. A `Map` would do,
 * but V8 walks over everything that was deleted from its front each time the first entry is asked for.
 */
export function createQueue<T>(isThere: (entry: T) => boolean) {
  let entries: T[] = [];
  let head = 0;
  let lookAt = LEAST;

  /** What is gone must not be held here, which would keep it in memory. */
  function forgetGone(): void {
    entries = entries.slice(head).filter(isThere);
    head = 0;
    lookAt = Math.max(LEAST, entries.length * 2);
  }

  return {
    add(entry: T): void {
      entries.push(entry);
      if (entries.length >= lookAt) forgetGone();
    },
    /** The oldest that is there; it stays until it is gone. */
    first(): T | undefined {
      while (head < entries.length && !isThere(entries[head] as T)) head += 1;
      return entries[head];
    },
  };
}
