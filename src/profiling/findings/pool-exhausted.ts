import { covered, uncovered } from '../analysis/span-tree.ts';
import { callSiteOf, durationOf, type Rule, rounded } from './rule.ts';

/**
 * Milliseconds, and part of the request, that it waits for a free connection: what makes a loop critical makes this a
 * warning. A wait that ended in an error is critical.
 */
const LEAST_MS = 50;
const LEAST_SHARE = 0.1;

/** A new connection that is opened in the meantime is no wait for one that is in use: nobody holds it. */
export const poolExhausted: Rule = (unit) => {
  const waits = unit.nodes.filter(({ wait }) => wait === 'pool');
  const failed = waits.filter(({ span }) => span.failed).length;
  const timeMs = covered(waits.flatMap(uncovered));
  const share = timeMs / durationOf(unit.root);
  if (failed === 0 && (timeMs < LEAST_MS || share < LEAST_SHARE)) return [];
  return [
    {
      rule: 'pool-exhausted',
      severity: failed > 0 ? 'critical' : 'warning',
      title: `Waited ${Math.round(timeMs)} ms for a free connection: hold connections for less long, or allow more`,
      evidence: { waits: waits.length, failed, share: rounded(share) },
      callSite: callSiteOf(waits),
      step: waits[0]?.step,
      count: waits.length,
      timeMs,
      savingMs: timeMs,
      nodes: waits,
      identity: '',
    },
  ];
};
