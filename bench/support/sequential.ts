import { v7 as uuidv7 } from 'uuid';
import { contextStep } from '../../src/pipeline/context-step.ts';
import type { CreateSessionDependencies } from '../../src/pipeline/create-session.ts';
import { empathyStep } from '../../src/pipeline/empathy-step.ts';
import { personaStep } from '../../src/pipeline/persona-step.ts';
import { reflectionStep } from '../../src/pipeline/reflection-step.ts';
import { saveStep } from '../../src/pipeline/save-step.ts';
import { sourcesStep } from '../../src/pipeline/sources-step.ts';
import type { Database } from '../../src/store/database.ts';
import { createExecutionRepository } from '../../src/store/repositories/execution-repository.ts';
import { createSessionRepository } from '../../src/store/repositories/session-repository.ts';
import { createUserRepository } from '../../src/store/repositories/user-repository.ts';

type Words = Pick<CreateSessionDependencies, 'sources' | 'writer'>;

const LIMITS = { unfinishedPerUser: 3, queued: 1_000 };
const LEASE_MS = 60_000;

/**
 * Makes sessions as the slow service did: the very steps of the pipeline, each after the one before.
 */
export async function createSequentialPipeline(
  database: Database,
  { sources, writer }: Words,
): Promise<() => Promise<void>> {
  const sessions = createSessionRepository(database);
  const executions = createExecutionRepository(database);
  const now = () => new Date();
  const steps = {
    context: contextStep({ sessions }),
    sources: sourcesStep({ sources }),
    persona: personaStep({ writer }),
    empathy: empathyStep({ writer }),
    reflection: reflectionStep({ writer }),
    save: saveStep({ executions, now }),
  };
  const userId = uuidv7();
  const login = { tokenHash: Buffer.from(userId), expiresAt: new Date(Date.now() + LEASE_MS) };
  await createUserRepository(database).createGuest({ id: userId, nickname: 'bench', ...login });

  return async () => {
    const { signal } = new AbortController();
    const id = uuidv7();
    const topic = { tagId: 2, userContext: '매일 야근해요' };
    const request = { id, userId, topic, crisis: false, idempotency: undefined, traceparent: undefined };
    await sessions.accept({ ...request, now: now() }, LIMITS);
    const claim = await executions.claim(id, 'bench', LEASE_MS);
    if (!claim) throw new Error('the session was taken by another executor');
    const { lease } = claim;

    const context = await steps.context.run({ userId }, signal);
    const sources = await steps.sources.run({ topic, context }, signal);
    const persona = await steps.persona.run({ topic, variant: 0, context }, signal);
    const empathy = await steps.empathy.run({ topic, variant: 0, context, sources }, signal);
    const reflection = await steps.reflection.run({ topic, variant: 0, context, sources }, signal);
    await steps.save.run({ lease, persona, empathy, reflection }, signal);
  };
}
