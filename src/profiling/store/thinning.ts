/** Traces of one route that are kept in one second, of those that are like all others. */
const KEPT_PER_SECOND = 20;

/**
 * Under load the traces of one busy route would push everything else out of the store within seconds. All of them are
 * looked at and counted; of those with nothing to tell (no error, no finding, not among the slowest) some are kept.
 */
export function createThinning() {
  /** Kept in this second, by route. */
  const kept = new Map<string, number>();
  let second = 0;
  let thinned = 0;

  return {
    keeps(route: string, nowMs: number): boolean {
      const present = Math.floor(nowMs / 1_000);
      if (present !== second) kept.clear();
      second = present;
      const count = (kept.get(route) ?? 0) + 1;
      kept.set(route, count);
      if (count > KEPT_PER_SECOND) thinned += 1;
      return count <= KEPT_PER_SECOND;
    },
    thinned: () => thinned,
  };
}
