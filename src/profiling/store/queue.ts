/**
 * First in, first out, with entries that may be gone by the time it is their turn: `isThere` tells. A `Map` would do,
 * but V8 walks over everything that was deleted from its front each time the first entry is asked for.
 */
export function createQueue<T>(isThere: (entry: T) => boolean) {
  let entries: T[] = [];
  let head = 0;

  function first(): T | undefined {
    while (head < entries.length && !isThere(entries[head] as T)) head += 1;
    if (head > 1_000 && head > entries.length / 2) {
      entries = entries.slice(head);
      head = 0;
    }
    return entries[head];
  }

  return {
    add: (entry: T): void => void entries.push(entry),
    /** The oldest that is there; it stays until it is gone. */
    first,
  };
}
