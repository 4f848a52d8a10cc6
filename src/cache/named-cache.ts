/** What a value is found by. Never seen outside of the process: caches are asked for by a keyed digest of it. */
export type CacheKey = readonly (string | number | Buffer)[];

/** A cache for one kind of value. Whatever fails in it, the caller gets the loaded value. */
export interface NamedCache<Value> {
  /**
   * The value of the key; loaded when it is not there or no longer good, once for all who ask at the same time.
   *
   * @throws what `load` throws, when there is no older value to give instead.
   */
  get(key: CacheKey, load: () => Promise<Value>): Promise<Value>;
  /** Removes it from every level and every process. A load under way is not kept. */
  delete(key: CacheKey): Promise<void>;
}

/** Values must survive JSON. */
export interface CacheDefinition<Value> {
  /** Raised whenever values of an older shape must not be read. */
  readonly version: number;
  /** Milliseconds for which a value is good. */
  readonly ttlMs: number;
  /** Milliseconds of its whole life: after `ttlMs` it is given out only instead of a load that fails or is slow. */
  readonly graceMs?: number;
  /** Milliseconds after which a caller gets the older value, and the load goes on behind it; 0 is at once. */
  readonly softLimitMs?: number;
  /** Of the first level, as JSON in UTF-8. */
  readonly maxBytes: number;
  /** Whether values are shared by Redis, or each process loads its own. */
  readonly secondLevel: boolean;
  /**
   * Whether a deletion must be seen everywhere at once: while this process may not hear of deletions elsewhere,
   * it asks for the truth.
   */
  readonly coherent: boolean;
  /** Which values are kept; all of them unless given. */
  keeps?(value: Value): boolean;
}
