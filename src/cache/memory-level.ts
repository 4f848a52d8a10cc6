import { MemoryDriver } from 'bentocache/drivers/memory';
import { LRUCache } from 'lru-cache';

/** What bentocache keeps for a value. */
export interface Entry {
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

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
    const entry = deepFreeze(JSON.parse(text)) as Entry;
    // From its creation, not from now: one that comes from Redis has lived there.
    const leftMs = ttlMs === undefined ? undefined : entry.createdAt + ttlMs - Date.now();
    this.entries.set(this.getItemKey(key), entry, {
      size: Buffer.byteLength(text),
      ...(leftMs === undefined ? {} : { ttl: Math.max(1, leftMs) }),
    });
    return true;
  }

  /** Removes a value that was read before its key was deleted. */
  forget(key: string): void {
    super.delete(key);
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
