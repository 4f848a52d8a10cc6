import { covered, type SpanNode } from '../analysis/span-tree.ts';
import { isSql, type Unit } from '../analysis/unit-of-work.ts';
import type { Finding, RuleId, Severity } from '../model.ts';
import { callSiteOf, durationOf, type FoundIn, groupBy, type Rule, rounded } from './rule.ts';

/** Critical by PROFILERS (perf-sentinel, Sentry): from 10 calls that take 50 ms, or a tenth of the request. */
const CRITICAL_CALLS = 10;
const CRITICAL_MS = 50;
const CRITICAL_SHARE = 0.1;

interface KindOfCall {
  readonly rule: RuleId;
  readonly matches: (node: SpanNode) => boolean;
  /** What it is called in the title, and what would mend it. */
  readonly noun: string;
  readonly advice: string;
  readonly evidence: (first: SpanNode, distinct: number) => Finding['evidence'];
}

const SQL: KindOfCall = {
  rule: 'n-plus-one',
  matches: ({ span }) => isSql(span),
  noun: 'the same statement',
  advice: 'one statement for all rows would do',
  evidence: ({ span }, distinctBindings) => ({ statement: span.notes?.fingerprint ?? '', distinctBindings }),
};

const REDIS: KindOfCall = {
  rule: 'redis-n-plus-one',
  matches: ({ span }) => span.attributes['db.system.name'] === 'redis',
  noun: 'the same Redis command',
  advice: 'one MGET, or a pipeline, would do',
  evidence: ({ span }, distinctKeys) => {
    const [command = '', namespace = ''] = (span.notes?.fingerprint ?? '').split(' ');
    return { command, namespace, distinctKeys };
  },
};

const HTTP: KindOfCall = {
  rule: 'http-n-plus-one',
  matches: ({ span }) => span.kind === 'client' && span.attributes['http.request.method'] !== undefined,
  noun: 'the same HTTP request',
  advice: 'ask for all of them in one request, or at the same time',
  evidence: ({ span }, distinctUrls) => ({ request: span.notes?.fingerprint ?? '', distinctUrls }),
};

/**
 * A call for each row: of one parent, the same but for its values, in any order and also at the same time. A wait for
 * a connection between them is no other call. The calls of a model are left to their own rule.
 */
export const repeatedStatements: Rule = (unit, thresholds) => repeatedCalls(SQL, unit, thresholds);
export const repeatedCommands: Rule = (unit, thresholds) => repeatedCalls(REDIS, unit, thresholds);
export const repeatedRequests: Rule = (unit, thresholds) => repeatedCalls(HTTP, unit, thresholds);

function repeatedCalls(
  kind: KindOfCall,
  unit: Unit,
  { repeatedCalls: least, repeatedMs }: Parameters<Rule>[1],
): readonly FoundIn[] {
  if (unit.nodes.length <= least || durationOf(unit.root) < repeatedMs) return [];
  const calls = unit.nodes.filter((node) => node.span.notes !== undefined && kind.matches(node));
  const groups = groupBy(calls, ({ span, parent }) => `${parent?.id} ${span.notes?.fingerprint}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const distinct = new Set(group.map(({ span }) => span.notes?.values)).size;
    const timeMs = covered(group);
    if (first === undefined || group.length < least || distinct < least || timeMs < repeatedMs) return [];
    const share = timeMs / durationOf(unit.root);
    const { parent, step } = first;
    return {
      rule: kind.rule,
      severity: severityOf(group.length, timeMs, share),
      title: `${group.length} times ${kind.noun} in "${parent?.name}", with ${distinct} different values: ${kind.advice}`,
      evidence: { ...kind.evidence(first, distinct), parent: parent?.name ?? '', share: rounded(share) },
      callSite: callSiteOf(group),
      step,
      count: group.length,
      timeMs,
      savingMs: savingOf(group, timeMs),
      nodes: group,
      identity: `${parent?.name}\n${first.span.notes?.fingerprint}`,
    };
  });
}

function severityOf(calls: number, timeMs: number, share: number): Severity {
  const costly = timeMs >= CRITICAL_MS || share >= CRITICAL_SHARE;
  return calls >= CRITICAL_CALLS && costly ? 'critical' : 'warning';
}

/** One call in the place of all: what they cover now, without the longest of them. */
function savingOf(group: readonly SpanNode[], timeMs: number): number {
  return Math.max(0, timeMs - Math.max(...group.map(durationOf)));
}
