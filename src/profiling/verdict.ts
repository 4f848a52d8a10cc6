import { OWN_WORK } from './analysis/critical-path.ts';
import { percent, rounded } from './findings/rule.ts';
import type { Finding, FindingGroup, RuleId, StepShare, Verdict } from './model.ts';

/** What is about the order of all steps, and so about each of them. */
const ABOUT_THE_RUN: ReadonlySet<RuleId> = new Set(['sequential-steps']);

/** The step with the largest share, and what is known of why: of that step first, and then of the whole run. */
export function verdictOf(
  route: string,
  p50Ms: number,
  steps: readonly StepShare[],
  findings: readonly FindingGroup[],
): Verdict | undefined {
  const [largest] = steps;
  if (largest === undefined) return undefined;
  const { step, shareAtP50, shareAtP95, msAtP50 } = largest;
  const loud = findings
    .filter(({ worst, mutedReason }) => worst.route === route && mutedReason === undefined)
    .map(({ worst }) => worst);
  const reason =
    costliest(loud.filter(({ about }) => about.includes(step))) ??
    costliest(loud.filter(({ rule }) => ABOUT_THE_RUN.has(rule)));
  const elsewhere = reason ? undefined : costliest(loud.filter(({ savingMs = 0 }) => savingMs > 0));
  const because =
    reason === undefined ? '' : ` ${reason.title}${reason.callSite ? ` (${reason.callSite})` : ''}.`;
  const what = step === OWN_WORK ? 'its own work, outside of every step and call' : `"${step}"`;
  return {
    route,
    step,
    shareAtP50: rounded(shareAtP50),
    shareAtP95: rounded(shareAtP95),
    msAtP50: rounded(msAtP50),
    reason,
    elsewhere,
    text:
      `The bottleneck of ${route} is ${what}: ${percent(shareAtP50)} of the critical path ` +
      `(${Math.round(msAtP50)} of ${Math.round(p50Ms)} ms at p50).${because}`,
  };
}

function costliest(findings: readonly Finding[]): Finding | undefined {
  return findings.toSorted((a, b) => (b.savingMs ?? 0) - (a.savingMs ?? 0))[0];
}
