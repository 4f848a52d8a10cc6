import type { ExecutionRepository, Lease, SessionResult } from '../domain/ports.ts';
import type { Empathy, Persona, Reflection } from '../domain/session.ts';
import { LeaseLostError } from '../errors.ts';
import type { Step } from './graph.ts';

export interface SaveStepDependencies {
  readonly executions: Pick<ExecutionRepository, 'complete'>;
  readonly now: () => Date;
}

interface Needs {
  lease: Lease;
  persona: Persona;
  empathy: Empathy;
  reflection: Reflection;
}

/** Cards, persona and status in one transaction: a session is either finished or it is not. */
export function saveStep({ executions, now }: SaveStepDependencies): Step<Needs, SessionResult> {
  return {
    after: ['lease', 'persona', 'empathy', 'reflection'],
    // Longer than the database's own limit, whose error says that it is the database.
    timeoutMs: 8_000,
    attempts: 3,
    run: async ({ lease, persona, empathy, reflection }) => {
      const result = { persona, empathy, reflection, degraded: false, completedAt: now() };
      if (!(await executions.complete(lease, result))) throw new LeaseLostError();
      return result;
    },
  };
}
