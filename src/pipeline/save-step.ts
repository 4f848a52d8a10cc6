import type { SessionRepository, SessionResult } from '../domain/ports.ts';
import type { Empathy, Persona, Reflection } from '../domain/session.ts';
import type { Step } from './graph.ts';

export interface SaveStepDependencies {
  readonly sessions: Pick<SessionRepository, 'complete'>;
  readonly now: () => Date;
}

interface Needs {
  sessionId: string;
  persona: Persona;
  empathy: Empathy;
  reflection: Reflection;
}

/** Cards, persona and status in one transaction: a session is either finished or it is not. */
export function saveStep({ sessions, now }: SaveStepDependencies): Step<Needs, SessionResult> {
  return {
    after: ['sessionId', 'persona', 'empathy', 'reflection'],
    timeoutMs: 5_000,
    attempts: 3,
    run: async ({ sessionId, persona, empathy, reflection }) => {
      const result = { persona, empathy, reflection, degraded: false, completedAt: now() };
      await sessions.complete(sessionId, result);
      return result;
    },
  };
}
