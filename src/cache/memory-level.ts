import { MemoryDriver } from 'bentocache/drivers/memory';
import { LRUCache } from 'lru-cache';

/** What bentocache keeps for a value. */
export type Entry = object;

export interface MemoryLevelOptions {
  /** Of all values together, as JSON in UTF-8. */
  readonly maxBytes: number;
  readonly onEvicted: () => void;
  /** Told of each deletion with the cache's own key, also when there was nothing to delete. */
  readonly onDeleted: (key: string) => void;
}

/**
 * The first level. Bounded by the size of the texts that it is given, and parses each of them once: the stock driver
 * either parses at every hit or cannot count bytes. What it gives out is frozen, because everyone gets the same object.
 */
export class MemoryLevel extends MemoryDriver {
  readonly entries: LRUCache<string, Entry>;
  readonly #onDeleted: (key: string) => void;

  constructor(prefix: string, { maxBytes, onEvicted, onDeleted }: MemoryLevelOptions) {
    const entries = new LRUCache<string, Entry>({
      maxSize: maxBytes,
      dispose: (_entry, _key, reason) => {
        if (reason === 'evict') onEvicted();
      },
    });
    // bentocache passes through what it is given, though its types know texts alone.
    super({ prefix, cacheInstance: entries as unknown as LRUCache<string, string> });
    this.entries = entries;
    this.#onDeleted = onDeleted;
  }

  override set(key: string, text: string, ttlMs?: number): boolean {
    const size = Buffer.byteLength(text);
    this.entries.set(this.getItemKey(key), deepFreeze(JSON.parse(text)), {
      size,
      ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
    });
    return true;
  }

  override delete(key: string): boolean {
    this.#onDeleted(key);
    return super.delete(key);
  }
}

/** For bentocache: texts from Redis are parsed, entries of the first level are objects already. */
export const entrySerializer = {
  serialize: (entry: Entry): string => JSON.stringify(entry),
  deserialize: (entry: string | Entry): Entry => (typeof entry === 'string' ? JSON.parse(entry) : entry),
};

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const nested of Object.values(value)) deepFreeze(nested);
  return Object.freeze(value);
}
