import type { Interval } from '../analysis/span-tree.ts';
import type { Unit } from '../analysis/unit-of-work.ts';
import type { Finding } from '../model.ts';
import { eventLoopBlocked } from './event-loop-blocked.ts';
import { identicalPrompts, modelDominates } from './model-calls.ts';
import { poolExhausted } from './pool-exhausted.ts';
import { redundantReads } from './redundant-reads.ts';
import { repeatedCommands, repeatedRequests, repeatedStatements } from './repeated-calls.ts';
import { rememberPrompts } from './repeated-prompts.ts';
import { findingOf, type Rule, type Thresholds } from './rule.ts';
import { sequentialSteps } from './sequential-steps.ts';
import { slowStatements } from './slow-statements.ts';

/** Nearly all work has none. */
const NONE: readonly Finding[] = [];

/** Every rule that looks at one piece of work; that of the caches looks at all of them (`cache-economics.ts`). */
export function createRules(
  blocks: () => readonly Interval[],
  thresholds: Thresholds,
  prompts = rememberPrompts(),
) {
  const blocked = eventLoopBlocked(blocks);
  const all: readonly Rule[] = [
    blocked,
    repeatedStatements,
    redundantReads,
    repeatedCommands,
    repeatedRequests,
    sequentialSteps,
    slowStatements(blocks),
    poolExhausted,
    modelDominates,
    identicalPrompts,
    prompts.rule,
  ];
  const withoutCalls: readonly Rule[] = [blocked, sequentialSteps];
  return (unit: Unit, traceId: string): readonly Finding[] => {
    let findings: Finding[] | undefined;
    for (const rule of unit.hasCalls ? all : withoutCalls) {
      for (const found of rule(unit, thresholds)) {
        findings ??= [];
        findings.push(findingOf(found, unit, traceId));
      }
    }
    return findings ?? NONE;
  };
}
