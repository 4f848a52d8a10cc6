import type { ExecutionRepository, Lease, SessionResult } from '../domain/ports.ts';
import type { Empathy, Persona, Reflection, Written } from '../domain/session.ts';
import { LeaseLostError } from '../errors.ts';
import type { Step } from './graph.ts';

export interface SaveStepDependencies {
  readonly executions: Pick<ExecutionRepository, 'complete'>;
  readonly now: () => Date;
}

interface Needs {
  lease: Lease;
  persona: Written<Persona>;
  empathy: Written<Empathy>;
  reflection: Written<Reflection>;
}

/** Cards, persona and status in one transaction: a session is either finished or it is not. */
export function saveStep({ executions, now }: SaveStepDependencies): Step<Needs, SessionResult> {
  return {
    after: ['lease', 'persona', 'empathy', 'reflection'],
    // Longer than the database's own limit, whose error says that it is the database.
    timeoutMs: 8_000,
    attempts: 3,
    run: async ({ lease, persona, empathy, reflection }) => {
      const result = {
        persona: persona.part,
        empathy: empathy.part,
        reflection: reflection.part,
        degraded: [persona, empathy, reflection].some(({ degraded }) => degraded),
        completedAt: now(),
      };
      if (!(await executions.complete(lease, result))) throw new LeaseLostError();
      return result;
    },
  };
}
