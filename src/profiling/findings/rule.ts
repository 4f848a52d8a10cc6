import { hash } from 'node:crypto';
import { ownerOf } from '../analysis/critical-path.ts';
import type { Interval, SpanNode } from '../analysis/span-tree.ts';
import type { Unit } from '../analysis/unit-of-work.ts';
import type { Finding, RuleId, Severity } from '../model.ts';

/** Where the thresholds of a rule come from is said beside them. Tests and `profile:check` ask for less. */
export interface Thresholds {
  /** Calls of one kind that are a loop, and how many of them must differ in their values. */
  readonly repeatedCalls: number;
  /** Milliseconds that they cover together. */
  readonly repeatedMs: number;
}

/**
 * PROFILERS: at least 5 calls with at least 5 different bindings (perf-sentinel), 20 ms together, so that a loop over
 * something tiny is no finding.
 */
export const THRESHOLDS: Thresholds = { repeatedCalls: 5, repeatedMs: 20 };

/**
 * Looks at a piece of work, and tells what it finds. Deterministic: the same trace has the same findings. What asks for
 * other traces as well (`repeated-prompts.ts`) finds the same in the same order of them.
 */
export type Rule = (unit: Unit, thresholds: Thresholds) => readonly FoundIn[];

/** A finding without what follows from the trace it was found in. */
export interface FoundIn {
  readonly rule: RuleId;
  readonly severity: Severity;
  readonly title: string;
  readonly evidence: Finding['evidence'];
  readonly callSite: string | undefined;
  readonly step: string | undefined;
  readonly count: number;
  readonly timeMs: number;
  readonly savingMs: number | undefined;
  readonly nodes: readonly SpanNode[];
  /** What makes it the same problem in another trace, besides rule and route. */
  readonly identity: string;
}

/** Spans that one finding marks. */
const MARKED = 50;

export function findingOf(found: FoundIn, unit: Unit, traceId: string): Finding {
  const { nodes, identity, timeMs, savingMs, ...told } = found;
  return {
    ...told,
    timeMs: rounded(timeMs),
    savingMs: savingMs === undefined ? undefined : rounded(savingMs),
    route: unit.route,
    about: [...new Set(nodes.map(ownerOf))],
    traceId,
    spanIds: nodes.slice(0, MARKED).map(({ id }) => id),
    fingerprint: fingerprintOf(found.rule, unit.route, identity),
  };
}

export function fingerprintOf(rule: RuleId, route: string, identity: string): string {
  return hash('sha256', `${rule}\n${route}\n${identity}`, 'hex').slice(0, 16);
}

export function durationOf({ start, end }: Interval): number {
  return end - start;
}

/** To microseconds: more would be noise in an answer. */
export function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

/** `62 %` */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function groupBy<T>(
  values: Iterable<T>,
  keyOf: (value: T) => string | undefined,
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

/** Of the first call whose line is known. */
export function callSiteOf(nodes: readonly SpanNode[]): string | undefined {
  return nodes.find(({ span }) => span.notes?.callSite !== undefined)?.span.notes?.callSite;
}
