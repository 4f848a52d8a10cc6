import { v7 as uuidv7 } from 'uuid';
import { contextStep } from '../../src/pipeline/context-step.ts';
import type { CreateSessionDependencies } from '../../src/pipeline/create-session.ts';
import { empathyStep } from '../../src/pipeline/empathy-step.ts';
import type { Step } from '../../src/pipeline/graph.ts';
import { personaStep } from '../../src/pipeline/persona-step.ts';
import { reflectionStep } from '../../src/pipeline/reflection-step.ts';
import { saveStep } from '../../src/pipeline/save-step.ts';
import { sourcesStep } from '../../src/pipeline/sources-step.ts';
import { createStepRecorder } from '../../src/profiling/step.ts';
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
  const record = createStepRecorder({
    metric: { name: 'bench.step.duration', description: 'Duration of one step of the slow service.' },
  });
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

    /** As the graph runs it, but for what it waits for. */
    const run = <Needs, Output>(name: keyof typeof steps, step: Step<Needs, Output>, needs: Needs) =>
      record({ name, after: step.after }, {}, () => step.run(needs, signal));

    const startedAt = performance.now();
    const context = await run('context', steps.context, { userId });
    const sources = await run('sources', steps.sources, { topic, context });
    const persona = await run('persona', steps.persona, { topic, variant: 0, startedAt, context });
    const empathy = await run('empathy', steps.empathy, { topic, variant: 0, startedAt, context, sources });
    const reflection = await run('reflection', steps.reflection, {
      topic,
      variant: 0,
      startedAt,
      context,
      sources,
    });
    await run('save', steps.save, { lease, persona, empathy, reflection });
  };
}
