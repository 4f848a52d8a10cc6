import { percent, rounded } from './findings/rule.ts';
import type { FindingGroup, StepShare, Verdict } from './model.ts';

/** The step with the largest share, and the finding of this route whose mending saves most: that of the step first. */
export function verdictOf(
  route: string,
  p50Ms: number,
  steps: readonly StepShare[],
  findings: readonly FindingGroup[],
): Verdict | undefined {
  const [largest] = steps;
  if (largest === undefined) return undefined;
  const { step, shareAtP50, shareAtP95, msAtP50 } = largest;
  const reasons = findings
    .filter(({ worst, mutedReason }) => worst.route === route && mutedReason === undefined)
    .map(({ worst }) => worst)
    .sort((a, b) => (b.savingMs ?? 0) - (a.savingMs ?? 0));
  const reason = reasons[0];
  const because =
    reason === undefined ? '' : ` ${reason.title}${reason.callSite ? ` (${reason.callSite})` : ''}.`;
  return {
    route,
    step,
    shareAtP50: rounded(shareAtP50),
    shareAtP95: rounded(shareAtP95),
    msAtP50: rounded(msAtP50),
    reason,
    text:
      `The bottleneck of ${route} is "${step}": ${percent(shareAtP50)} of the critical path ` +
      `(${Math.round(msAtP50)} of ${Math.round(p50Ms)} ms at p50).${because}`,
  };
}
