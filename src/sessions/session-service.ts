import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { mentionsSelfHarm } from '../domain/crisis.ts';
import type { SessionRepository, SessionSnapshot, StepRecord } from '../domain/ports.ts';
import type { FinishedSession } from '../domain/session.ts';
import type { Topic } from '../domain/session-request.ts';
import { AppError } from '../errors.ts';
import type { CreateSessionGraph } from '../pipeline/create-session.ts';
import type { StepRecorder } from '../profiling/step.ts';

export interface SessionServiceDependencies {
  readonly sessions: SessionRepository;
  readonly graph: CreateSessionGraph;
  readonly recordStep: StepRecorder;
  readonly timeoutMs: number;
  readonly now: () => Date;
}

export interface CreateSessionCommand {
  readonly userId: string;
  readonly topic: Topic;
  readonly idempotencyKey: string | undefined;
}

export interface CreatedSession {
  readonly session: FinishedSession;
  /** The answer to an earlier request with the same idempotency key. */
  readonly replayed: boolean;
  readonly steps: readonly StepRecord[];
}

export interface StepProgress {
  readonly name: string;
  readonly status: 'pending' | 'running' | 'completed';
  readonly durationMs: number | null;
}

export interface SessionProgress {
  readonly snapshot: SessionSnapshot;
  readonly steps: readonly StepProgress[];
}

export type SessionService = ReturnType<typeof createSessionService>;

export function createSessionService({
  sessions,
  graph,
  recordStep,
  timeoutMs,
  now,
}: SessionServiceDependencies) {
  async function replay(userId: string, key: string, requestDigest: string): Promise<CreatedSession> {
    const earlier = await sessions.findByIdempotencyKey(userId, key);
    if (!earlier?.finished) {
      throw new AppError('CONFLICT', {
        detail: 'Idempotency-Key: the first request with this key is not finished',
      });
    }
    if (earlier.requestDigest !== requestDigest) {
      throw new AppError('IDEMPOTENCY_KEY_REUSED', { detail: 'Idempotency-Key' });
    }
    return { session: earlier.finished, replayed: true, steps: [] };
  }

  async function execute(sessionId: string, userId: string, topic: Topic): Promise<StepRecord[]> {
    const steps: StepRecord[] = [];
    try {
      await graph.run(
        { sessionId, userId, topic },
        {
          signal: AbortSignal.timeout(timeoutMs),
          record: recordStep,
          attributes: { 'meari.session.id': sessionId },
          onStepCompleted: async (step) => {
            steps.push(step);
            await sessions.recordStep(sessionId, step);
          },
        },
      );
      return steps;
    } catch (cause) {
      await sessions.fail(sessionId);
      throw new AppError('INTERNAL', { cause });
    }
  }

  function describeSteps({ status }: SessionSnapshot, records: readonly StepRecord[]): StepProgress[] {
    const durations = new Map(records.map(({ name, durationMs }) => [name, durationMs]));
    const runnable = graph.runnable(new Set(durations.keys()));
    return graph.stepNames.map((name) => ({
      name,
      status: durations.has(name)
        ? 'completed'
        : status === 'processing' && runnable.has(name)
          ? 'running'
          : 'pending',
      durationMs: durations.get(name) ?? null,
    }));
  }

  return {
    async create({ userId, topic, idempotencyKey }: CreateSessionCommand): Promise<CreatedSession> {
      // Before anything else, so that no later fault can lose it.
      const crisis = topic.userContext !== null && mentionsSelfHarm(topic.userContext);
      const id = uuidv7();
      const requestDigest = digestOf(topic);
      const idempotency = idempotencyKey === undefined ? undefined : { key: idempotencyKey, requestDigest };
      const inserted = await sessions.insert({ id, userId, topic, crisis, idempotency, now: now() });
      if (!inserted && idempotencyKey !== undefined) return replay(userId, idempotencyKey, requestDigest);

      const steps = await execute(id, userId, topic);
      const session = (await sessions.find(userId, id))?.finished;
      // Deleted by its owner while it was being made.
      if (!session) throw new AppError('NOT_FOUND');
      return { session, replayed: false, steps };
    },

    /** @throws {AppError} NOT_FOUND, also for another user's session. */
    async progress(userId: string, sessionId: string): Promise<SessionProgress> {
      const snapshot = await sessions.find(userId, sessionId);
      if (!snapshot) throw new AppError('NOT_FOUND');
      return { snapshot, steps: describeSteps(snapshot, await sessions.steps(sessionId)) };
    },

    /** @throws {AppError} NOT_FOUND, also for another user's session. */
    async find(userId: string, sessionId: string): Promise<SessionSnapshot> {
      const snapshot = await sessions.find(userId, sessionId);
      if (!snapshot) throw new AppError('NOT_FOUND');
      return snapshot;
    },

    list: sessions.list,

    /** @throws {AppError} NOT_FOUND, also for another user's session. */
    async delete(userId: string, sessionId: string): Promise<void> {
      if (!(await sessions.delete(userId, sessionId))) throw new AppError('NOT_FOUND');
    },
  };
}

/** Tells whether two requests are the same, without keeping what was written a second time. */
function digestOf(topic: Topic): string {
  return createHash('sha256')
    .update(JSON.stringify([topic.tagId, topic.userContext]))
    .digest('hex');
}
