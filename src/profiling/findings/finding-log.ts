import type { Finding, FindingGroup, RuleId, Severity } from '../model.ts';

/** Problems that are told apart; the one not seen for longest goes first, a muted one last. */
const GROUPS = 200;
const TRACES = 10;

interface Group {
  worst: Finding;
  occurrences: number;
  readonly firstSeenAt: number;
  lastSeenAt: number;
  traceIds: string[];
}

/** Occurrences since the start of the process, also of problems that are forgotten. */
export interface FindingCount {
  readonly rule: RuleId;
  readonly severity: Severity;
  readonly count: number;
}

/** As the rules give them: counts are told from zero on, or the first occurrence would be no increase. */
const SEVERITIES: Readonly<Record<RuleId, readonly Severity[]>> = {
  'n-plus-one': ['warning', 'critical'],
  'redundant-reads': ['info', 'warning'],
  'redis-n-plus-one': ['warning', 'critical'],
  'http-n-plus-one': ['warning', 'critical'],
  'sequential-steps': ['critical'],
  'slow-statement': ['warning', 'critical'],
  'pool-exhausted': ['warning', 'critical'],
  'model-dominates': ['info'],
  'identical-prompts': ['warning'],
  'cache-not-paying': ['warning'],
  'event-loop-blocked': ['critical'],
};

const RANK: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 };

/** What has been found since the process started, one entry a problem. Muting lasts as long as the process. */
export function createFindingLog(now: () => number) {
  /** By fingerprint, the one seen last at the end. */
  const groups = new Map<string, Group>();
  const muted = new Map<string, string>();
  const counts = Object.entries(SEVERITIES).flatMap(([rule, severities]) =>
    severities.map((severity) => ({ rule: rule as RuleId, severity, count: 0 })),
  );

  /** A trace that is looked at again, because more of it came, is no new occurrence of what was found in it before. */
  function record(finding: Finding, isKnown = false): void {
    const { fingerprint, traceId } = finding;
    const group = groups.get(fingerprint) ?? {
      worst: finding,
      occurrences: 0,
      firstSeenAt: now(),
      lastSeenAt: 0,
      traceIds: [],
    };
    const { callSite } = group.worst;
    if (costOf(finding) >= costOf(group.worst)) group.worst = finding;
    // Not each occurrence knows its line.
    const site = group.worst.callSite ?? finding.callSite ?? callSite;
    if (group.worst.callSite !== site) group.worst = { ...group.worst, callSite: site };
    group.lastSeenAt = now();
    if (traceId === undefined) {
      if (group.occurrences === 0) count(finding);
      group.occurrences = 1;
    } else if (!isKnown && !group.traceIds.includes(traceId)) {
      count(finding);
      group.occurrences += 1;
      group.traceIds = [traceId, ...group.traceIds].slice(0, TRACES);
    }
    groups.delete(fingerprint);
    groups.set(fingerprint, group);
    if (groups.size > GROUPS) forgetOne();
  }

  function count({ rule, severity }: Finding): void {
    const counted = counts.find((known) => known.rule === rule && known.severity === severity);
    if (counted) counted.count += 1;
  }

  function forgetOne(): void {
    const oldest =
      [...groups.keys()].find((fingerprint) => !muted.has(fingerprint)) ?? groups.keys().next().value;
    if (oldest === undefined) return;
    groups.delete(oldest);
    muted.delete(oldest);
  }

  return {
    record,
    size: () => groups.size,
    counts: (): readonly FindingCount[] => counts,

    /** With the line of code that another occurrence of the same problem has told. */
    completed(finding: Finding): Finding {
      const callSite = finding.callSite ?? groups.get(finding.fingerprint)?.worst.callSite;
      return callSite === finding.callSite ? finding : { ...finding, callSite };
    },

    /** The worst first; muted ones last. */
    all(): readonly FindingGroup[] {
      const told = [...groups].map(([fingerprint, group]) => ({
        fingerprint,
        ...group,
        mutedReason: muted.get(fingerprint),
      }));
      return told.sort(
        (a, b) =>
          Number(a.mutedReason !== undefined) - Number(b.mutedReason !== undefined) ||
          RANK[a.worst.severity] - RANK[b.worst.severity] ||
          costOf(b.worst) - costOf(a.worst),
      );
    },

    mute(fingerprint: string, reason: string): boolean {
      if (!groups.has(fingerprint)) return false;
      muted.set(fingerprint, reason);
      return true;
    },

    unmute: (fingerprint: string): boolean => muted.delete(fingerprint),
  };
}

/** Milliseconds: what mending it would save where that is known, else what it takes. */
function costOf({ savingMs, timeMs }: Finding): number {
  return savingMs ?? timeMs;
}
